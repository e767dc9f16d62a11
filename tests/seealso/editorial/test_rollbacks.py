"""A rollback, told."""

from pathlib import Path
from typing import Any

import pytest

from seealso.editorial.purges import Purge, read_purges
from seealso.editorial.rollbacks import tell_rollback_in
from seealso.editorial.store import Store
from seealso.settings import ServiceSettings

CACHES = {"purge_webhook": "http://127.0.0.1:9/"}


def told(store: Store, before: str | None, **settings: Any) -> list[Purge]:
    with store.writing() as writing:
        tell_rollback_in(writing, "new", before, "ann", "x", ServiceSettings(index=Path("i"), **settings))
    [change] = store.changes()
    assert (change.action, change.subject) == ("rolled-back", "snapshot:new")
    assert (change.before, change.after) == (before and {"snapshot": before}, {"snapshot": "new"})
    with store.reading() as connection:
        return read_purges(connection, None, 9)


@pytest.mark.parametrize(("before", "settings"), [("old", {}), (None, CACHES)])
def test_caches_without_an_address_or_of_what_is_not_known_are_not_told(
    store: Store, before: str | None, settings: dict[str, Any]
) -> None:
    assert told(store, before, **settings) == []


def test_caches_drop_what_the_other_snapshot_showed_on_that_site_alone(store: Store) -> None:
    [purge] = told(store, "old", **CACHES, site="coast", snapshot_store="file:///share", snapshot_poll_ms=500)
    assert (purge.message["keys"], purge.message["site"]) == (["coast:snapshot:old"], "coast")
    assert purge.next_try is not None
    assert (purge.next_try - purge.since).total_seconds() == 16  # looked within 5.5 seconds, made ready in 5
