"""Run by Alembic, on the connection that `seealso.editorial.store` gives it, within its transaction."""

from alembic import context

from seealso.editorial.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
