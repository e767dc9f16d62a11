"""Articles that came since a night, and their places in snapshots."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables of articles and placings, and count the placings."""
    with op.batch_alter_table("head") as head:
        head.add_column(sa.Column("placed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "articles",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("moment", sa.Text, nullable=False),
        sa.Column("article", sa.LargeBinary),
        sa.Column("model", sa.Text),
        sa.Column("vectors", sa.LargeBinary),
        sa.Column("spans", sa.LargeBinary),
    )
    op.create_index("articles_by_sequence", "articles", ["sequence"])
    op.create_table(
        "placings",
        sa.Column("snapshot", sa.Text, primary_key=True),
        sa.Column("article", sa.Text, primary_key=True),
        sa.Column("placed", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary),
    )
    op.create_index("placings_by_placed", "placings", ["placed"])
