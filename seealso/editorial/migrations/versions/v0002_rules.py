"""Rules."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of rules."""
    op.create_table(
        "rules",
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
