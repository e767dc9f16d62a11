"""Purges."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of purges."""
    op.create_table(
        "purges",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Text),
        sa.Column("done", sa.Text),
        sa.Column("failure", sa.Text),
    )
    op.create_index("purges_by_next_try", "purges", ["next_try"])
