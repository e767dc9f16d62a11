"""The tables of the store, as they are after all migrations (seealso/editorial/migrations/).

Moments are ISO 8601 in UTC, of one length, so that their order as text is their order in time.
"""

import sqlalchemy as sa

# The last migration.
REVISION = "0010"
METADATA = sa.MetaData()

# Its one row says how many changes there are. Every change counts it up first, so changes come one after the other,
# and no number is left out. `generation` is another one once the store was put back from a backup: ORIGIN at
# first, then ORIGIN.OTHER. `placed` counts the placings.
head = sa.Table(
    "head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.Text, nullable=False, server_default=""),
    sa.Column("placed", sa.BigInteger, nullable=False, server_default="0"),
)

# All that was ever decided, who did it and when. Nothing is changed or removed here.
changes = sa.Table(
    "changes",
    METADATA,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("moment", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
sa.Index("changes_by_subject", changes.c.subject, changes.c.sequence)
sa.Index("changes_by_action", changes.c.action, changes.c.sequence)

keys = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("expires", sa.Text),
    sa.Column("revoked", sa.Text),
    sa.Column("last_used", sa.Text),
)

takedowns = sa.Table(
    "takedowns",
    METADATA,
    sa.Column("article", sa.Text, primary_key=True),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("until", sa.Text),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

# What a rule is about is the one of article, section, tag and word that is there; whose blocks it is for, the one of
# under_article and under_section, and all blocks if neither is.
rules = sa.Table(
    "rules",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("under_article", sa.Text),
    sa.Column("under_section", sa.Text),
    sa.Column("article", sa.Text),
    sa.Column("section", sa.Text),
    sa.Column("tag", sa.Text),
    sa.Column("word", sa.Text),
    sa.Column("number", sa.Integer),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("until", sa.Text),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

# What caches in front of the service have to be told; `id` is the change because of which. `next_try` is null once that
# is done, or given up: then `done` is null too.
purges = sa.Table(
    "purges",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("message", sa.JSON, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_try", sa.Text),
    sa.Column("done", sa.Text),
    sa.Column("failure", sa.Text),
)
sa.Index("purges_by_next_try", purges.c.next_try)

# Which machines answer by this store, where it is shared: how many changes all workers of each know, and when it was
# last heard of, in seconds since 1970 by the clock of the database.
machines = sa.Table(
    "machines",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("heard", sa.Float, nullable=False),
)

# How often an item was shown at a place (from 1 on) of an article's block, and clicked there, day by day (UTC). Nothing
# says by whom. `team`: of which recipe of a trial the item is, '' where there is no trial.
clicks = sa.Table(
    "clicks",
    METADATA,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("article", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.Text, primary_key=True),
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("shown", sa.BigInteger, nullable=False),
    sa.Column("clicked", sa.BigInteger, nullable=False),
)

# Articles as they were last put, or removed (then `article` is null, and so are `model`, `vectors` and `spans`).
# `sequence`: the change that did it. `vectors` are those of its passages, by the model with the digest `model`:
# float16, one after the other; `spans`: int32, where each begins and ends in the article's text. `sent`: when a content
# system sent the message that did it, null where none did.
articles = sa.Table(
    "articles",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("moment", sa.Text, nullable=False),
    sa.Column("article", sa.LargeBinary),
    sa.Column("model", sa.Text),
    sa.Column("vectors", sa.LargeBinary),
    sa.Column("spans", sa.LargeBinary),
    sa.Column("sent", sa.Text),
)
sa.Index("articles_by_sequence", articles.c.sequence)

# Where an article belongs in a snapshot, worked out once for all workers. `placed`: the number of the placing, in the
# order in which they are taken in; `sequence`: of which change of the article it is.
placings = sa.Table(
    "placings",
    METADATA,
    sa.Column("snapshot", sa.Text, primary_key=True),
    sa.Column("article", sa.Text, primary_key=True),
    sa.Column("placed", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary),
)
sa.Index("placings_by_placed", placings.c.placed)
