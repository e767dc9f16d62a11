"""What readers were shown and clicked."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table of clicks."""
    op.create_table(
        "clicks",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("article", sa.Text, primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("block", sa.Text, primary_key=True),
        sa.Column("shown", sa.BigInteger, nullable=False),
        sa.Column("clicked", sa.BigInteger, nullable=False),
    )
