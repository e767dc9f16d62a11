"""A name for the store's past, which is another one once it was put back from a backup."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column, and give this past its name."""
    op.add_column("head", sa.Column("generation", sa.Text, nullable=False, server_default=""))
    head = sa.table("head", sa.column("generation"))
    op.execute(head.update().values(generation=secrets.token_hex(4)))
