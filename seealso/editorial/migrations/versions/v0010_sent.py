"""When a content system sent the message because of which an article was put or removed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the column; of what came before it nobody knows."""
    op.add_column("articles", sa.Column("sent", sa.Text))
