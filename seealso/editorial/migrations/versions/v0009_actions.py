"""What was decided of rules, keys or snapshots is found among a hundred thousand articles that were put."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the index."""
    op.create_index("changes_by_action", "changes", ["action", "sequence"])
