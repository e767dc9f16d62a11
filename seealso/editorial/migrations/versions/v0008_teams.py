"""Clicks also by team: which of two recipes that are compared an item is of."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
COLUMNS = "day, article, item, slot, block"


def upgrade() -> None:
    """Make the table anew with the column, and take over what was counted."""
    op.rename_table("clicks", "clicks_before")
    op.create_table(
        "clicks",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("article", sa.Text, primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("block", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("shown", sa.BigInteger, nullable=False),
        sa.Column("clicked", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "article", "item", "slot", "block", "team", name="clicks_by_team"),
    )
    op.execute(
        f"INSERT INTO clicks ({COLUMNS}, team, shown, clicked) "  # noqa: S608 - nothing in it is anybody's
        f"SELECT {COLUMNS}, '', shown, clicked FROM clicks_before"
    )
    op.drop_table("clicks_before")
