from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seealso.editorial.decisions import read_decisions
from seealso.editorial.keys import SCOPES, create_key, id_in, note_use, opens, read_keys, revoke_key
from seealso.editorial.store import DATABASE, Store

NOW = datetime.now(UTC)


def test_key_opens_what_it_was_made_for(store: Store, other: Store) -> None:
    for scope in SCOPES:
        key, text = create_key(store, "Night desk", scope, "ann")
        found = read_decisions(other)[0].keys[id_in(text) or ""]
        assert (found, found.scope) == (key, scope)
        assert opens(found, text, NOW)


def test_another_text_opens_nothing(store: Store) -> None:
    key, text = create_key(store, "a", "editor", "ann")
    _, another = create_key(store, "b", "editor", "ann")
    changed = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (another, changed, text[:-1], text + "A", "", text.upper(), f" {text}", key.digest):
        assert not opens(key, wrong, NOW)
    for wrong in ("", "seealso", "seealso__", text + "A", "seealso_" + "0" * 12 + "_"):
        assert id_in(wrong) is None


def test_only_the_digest_is_kept(store: Store, tmp_path: Path) -> None:
    _, text = create_key(store, "a", "admin", "ann")
    secret = text.split("_", 2)[2]
    assert secret not in repr(store.changes())
    assert "digest" not in repr(store.changes())
    with store.reading() as connection:
        assert secret not in repr(read_keys(connection))
    store.close()
    for path in tmp_path.glob(f"{DATABASE}*"):
        assert secret.encode() not in path.read_bytes()


def test_revoked_key_opens_nothing(store: Store) -> None:
    key, text = create_key(store, "a", "editor", "ann")
    assert revoke_key(store, key.id, "bob") == key
    found = read_decisions(store)[0].keys[key.id]
    assert found.revoked is not None
    assert not opens(found, text, NOW)
    assert [(change.action, change.who) for change in store.changes()] == [
        ("key-created", "ann"),
        ("key-revoked", "bob"),
    ]
    revoke_key(store, key.id, "bob")
    assert len(store.changes()) == 2
    assert revoke_key(store, "nobody", "bob") is None


def test_key_ends_by_itself(store: Store) -> None:
    key, text = create_key(store, "a", "editor", "ann", NOW + timedelta(hours=1))
    assert opens(key, text, NOW)
    assert not opens(key, text, NOW + timedelta(hours=1))


def test_use_is_noted_and_is_no_change(store: Store) -> None:
    key, _ = create_key(store, "a", "editor", "ann")
    sequence, told = store.sequence(), store.counter.numbers[0]
    note_use(store, {key.id: NOW, "nobody": NOW})
    with store.reading() as connection:
        (found,) = read_keys(connection)
    assert found.last_used == NOW
    assert (store.sequence(), store.counter.numbers[0]) == (sequence, told)


@pytest.mark.parametrize("name", ["Nachtdienst Übersee", "x" * 100])
def test_key_tells_whose_it_is(store: Store, name: str) -> None:
    key, _ = create_key(store, name, "read", "ann")
    assert key.as_json() | {"created": ""} == {
        "id": key.id,
        "name": name,
        "scope": "read",
        "created": "",
        "expires": None,
        "revoked": None,
        "last_used": None,
    }
