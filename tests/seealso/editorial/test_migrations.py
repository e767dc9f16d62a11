"""A store of the first version, with data, is brought up step by step: nothing of it is lost, and all of it works."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from seealso.editorial.articles import read_articles
from seealso.editorial.clicks import Count, Spot, read_counts
from seealso.editorial.decisions import read_decisions
from seealso.editorial.keys import create_key, id_in
from seealso.editorial.purges import read_purges
from seealso.editorial.schema import REVISION, placings
from seealso.editorial.store import WAIT_SECONDS_MAX, Store, url_of
from tests.conftest import ROOT
from tests.deciding import restore
from tests.postgres import postgres_schema

FIRST_STORE = Path(__file__).with_name("first_store.sql")
MOMENT = "2026-01-02T03:04:05.000006Z"
TAKEDOWN = {"article": "a", "since": MOMENT, "until": None, "who": "ann", "reason": "x"}
RULE = {"id": 2, "action": "sensitive", "article": "b", "since": MOMENT, "who": "ann", "reason": "x"}
KEY = {"id": "0123456789ab", "name": "Ann", "scope": "editor", "digest": "0" * 64, "created": MOMENT}
ARTICLE = {
    "moment": MOMENT,
    "article": b'{"id":"new","title":"Tides","body":"tides"}',
    "model": "m",
    "vectors": np.ones((1, 4), np.float16).tobytes(),
    "spans": np.array([[0, 5]], np.int32).tobytes(),
}


def config_of(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "seealso" / "editorial" / "migrations"))
    config.attributes["connection"] = connection
    return config


def steps() -> list[str]:
    return [script.revision for script in ScriptDirectory.from_config(config_of()).walk_revisions()][::-1]


@contextmanager
def opened(tmp_path: Path, address: str | None) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url_of(tmp_path, address))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def insert(connection: sa.Connection, table: str, row: dict[str, Any]) -> None:
    found = sa.Table(table, sa.MetaData(), autoload_with=connection)
    connection.execute(found.insert().values(row))


def change(sequence: int, action: str, subject: str, after: Any) -> dict[str, Any]:
    facts = {"sequence": sequence, "moment": MOMENT, "who": "ann", "action": action, "subject": subject}
    return facts | {"before": None, "after": after, "reason": "x"}


# What stood in the store when a version was the last; of each table, as that version made it.
DATA: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "0001": [
        ("changes", change(1, "takedown", "a", TAKEDOWN)),
        ("takedowns", TAKEDOWN | {"sequence": 1}),
        ("keys", KEY),
    ],
    "0002": [("changes", change(2, "rule-made", "rule:2", RULE)), ("rules", RULE)],
    "0003": [
        ("purges", {"id": 2, "message": {"keys": ["article:b"]}, "since": MOMENT, "tries": 0, "next_try": MOMENT})
    ],
    "0004": [("machines", {"name": "m", "sequence": 2, "heard": 1.0})],
    "0006": [
        (
            "clicks",
            {"day": "2026-01-02", "article": "a", "item": "b", "slot": 1, "block": "below", "shown": 9, "clicked": 2},
        )
    ],
    "0007": [
        ("changes", change(3, "article-put", "new", {"id": "new"})),
        ("articles", ARTICLE | {"id": "new", "sequence": 3}),
        ("placings", {"snapshot": "s", "article": "new", "placed": 1, "sequence": 3, "content": b"where"}),
    ],
}


def brought_up(tmp_path: Path, address: str | None, last: str) -> int:
    """Make a store as it was at a version, with what had been put into it until then; return how many changes."""
    sequence = 0
    for revision in steps():
        with opened(tmp_path, address) as connection:
            command.upgrade(config_of(connection), revision)
            for table, row in DATA.get(revision, []):
                insert(connection, table, row)
                sequence += table == "changes"
            connection.execute(sa.text(f"UPDATE head SET sequence = {sequence}"))
        if revision == last:
            return sequence
    raise AssertionError(last)


def test_first_version_makes_what_it_made(tmp_path: Path) -> None:
    made = {}
    for name in ("kept", "now"):
        with closing(sqlite3.connect(tmp_path / name)) as store:
            if name == "kept":
                store.executescript(FIRST_STORE.read_text())
            else:
                with sa.create_engine(f"sqlite:///{tmp_path / name}").begin() as connection:
                    command.upgrade(config_of(connection), steps()[0])
            described = store.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            made[name] = [(table, " ".join(sql.split())) for table, sql in described]
    assert made["kept"] == made["now"]


@pytest.mark.parametrize("last", steps())
def test_every_version_is_brought_up_with_all_that_is_in_it(tmp_path: Path, address: str | None, last: str) -> None:
    sequence = brought_up(tmp_path, address, last)
    store = Store(tmp_path, address)
    assert store.sequence() == sequence
    with store.reading() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == REVISION
        purges = read_purges(connection, None, 10)
    known, _ = read_decisions(store)
    assert [takedown.article for takedown in known.takedowns.values()] == ["a"]
    assert known.keys["0123456789ab"].name == "Ann"
    assert [rule.wish.article for rule in known.rules.values()] == (["b"] if last >= "0002" else [])
    assert [purge.message["keys"] for purge in purges] == ([["article:b"]] if last >= "0003" else [])
    counted = {Spot("2026-01-02", "a", "b", 1, "below", ""): Count(9, 2)} if last >= "0006" else {}
    assert dict(read_counts(store)) == counted
    assert [each.subject for each in store.changes()] == ["a", "rule:2", "new"][:sequence]
    assert [(live.id, live.record, live.sent) for live in read_articles(store)[1]] == (
        [("new", ARTICLE["article"], None)] if last >= "0007" else []
    )
    with store.reading() as connection:
        placed = connection.execute(sa.select(placings.c.article, placings.c.content)).all()
    assert placed == ([("new", b"where")] if last >= "0007" else [])
    assert restore(store, "a", "bob", "settled") is not None
    assert store.sequence() == sequence + 1
    _, text = create_key(store, "Bob", "admin", "bob")
    assert id_in(text) in read_decisions(store)[0].keys
    store.close()


def test_migration_takes_as_long_as_it_takes(tmp_path: Path) -> None:
    """Another holds a table for longer than is waited for anything else."""
    with postgres_schema() as address:
        sequence = brought_up(tmp_path, address, "0009")
        store, found = Store(tmp_path, address), list[int]()
        thread = threading.Thread(target=lambda: found.append(store.sequence()))
        with opened(tmp_path, address) as holder:
            holder.execute(sa.text("LOCK TABLE articles"))
            thread.start()
            thread.join(WAIT_SECONDS_MAX + 1)
        thread.join()
        assert found == [sequence]
        store.close()


def test_the_first_version_is_older_than_all_that_is_tried() -> None:
    assert steps()[0] == "0001"
    assert steps()[-1] == REVISION
    assert set(DATA) <= set(steps())
