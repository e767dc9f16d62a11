"""A rollback, told: in the log of changes, and to caches in front, which drop what the other snapshot showed."""

from seealso.editorial.purges import add_purge_in, snapshot_key
from seealso.editorial.store import Writing
from seealso.settings import Settings

# An earlier snapshot is served again; its subject is 'snapshot:ID'.
ROLLED_BACK = "rolled-back"


def tell_rollback_in(
    writing: Writing, snapshot_id: str, before: str | None, who: str, reason: str, settings: Settings
) -> None:
    """Tell of a rollback; `before`: what was served until now, None where that is not known.

    Caches are told, where they have an address, once all workers have followed, with as long again as these may take to
    look to open it in: one that still serves the snapshot before would fill them with it again.
    """
    was = None if before is None else {"snapshot": before}
    writing.record(who, ROLLED_BACK, f"snapshot:{snapshot_id}", was, {"snapshot": snapshot_id}, reason)
    if before is None or settings.purge_webhook is None:
        return
    message = {"article": None, "reason": "rollback", "keys": [snapshot_key(before, settings.site)]}
    delay_s = (settings.looked_ms + settings.followed_ms) / 1000
    add_purge_in(writing, message | {"paths": [], "pages": []}, delay_s, settings.site)
