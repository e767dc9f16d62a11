"""Keys: who may do what. A key is shown once, when it is made; only its digest is kept.

Its secret has 256 random bits, so a plain SHA-256 keeps it as well as a slow one would, and can be checked at every
request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from seealso.editorial.schema import keys
from seealso.editorial.store import Store, Writing, as_moment, as_text

Scope = Literal["read", "editor", "index", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
CREATED, REVOKED = "key-created", "key-revoked"
SECRET_BYTES, ID_BYTES = 32, 6
NAME_CHARACTERS_MAX = 100
_FORM = re.compile(r"seealso_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: `digest` is that of its secret, in hexadecimal; moments in UTC."""

    id: str
    name: str
    scope: Scope
    digest: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None

    def valid_at(self, moment: datetime) -> bool:
        """Return whether it opens anything at a moment."""
        return self.revoked is None and (self.expires is None or moment < self.expires)

    def as_json(self) -> dict[str, Any]:
        """Return what may be told of it: all but its digest."""
        moments = {name: getattr(self, name) for name in ("created", "expires", "revoked", "last_used")}
        told = {name: moment and as_text(moment) for name, moment in moments.items()}
        return {"id": self.id, "name": self.name, "scope": self.scope} | told


def create_key(store: Store, name: str, scope: Scope, who: str, expires: datetime | None = None) -> tuple[Key, str]:
    """Make a key and return it with its text, which nobody can find out later. Raises StoreUnavailable."""
    with store.writing() as writing:
        return create_key_in(writing, name, scope, who, expires)


def create_key_in(
    writing: Writing, name: str, scope: Scope, who: str, expires: datetime | None = None
) -> tuple[Key, str]:
    """Do the same as a part of what is written."""
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    key = Key(key_id, name, scope, _digest(secret), writing.moment, expires, None, None)
    row = key.as_json() | {"digest": key.digest}
    writing.connection.execute(keys.insert().values(row))
    writing.record(who, CREATED, f"key:{key_id}", None, key.as_json())
    return key, f"seealso_{key_id}_{secret}"


def revoke_key(store: Store, key_id: str, who: str) -> Key | None:
    """Have a key open nothing any more; return it as it was, None if there is none. Raises StoreUnavailable."""
    with store.writing() as writing:
        return revoke_key_in(writing, key_id, who)


def revoke_key_in(writing: Writing, key_id: str, who: str, reason: str = "") -> Key | None:
    """Do the same as a part of what is written."""
    found = [key for key in read_keys(writing.connection) if key.id == key_id]
    if not found:
        return None
    (key,) = found
    if key.revoked is None:
        moment = as_text(writing.moment)
        writing.connection.execute(keys.update().where(keys.c.id == key_id).values(revoked=moment))
        writing.record(who, REVOKED, f"key:{key_id}", key.as_json(), key.as_json() | {"revoked": moment}, reason)
    return key


def note_use(store: Store, moments: dict[str, datetime]) -> None:
    """Note when keys were last used. It is no change: the log does not tell of it. Raises StoreUnavailable."""
    with store.adding() as connection:
        # In one order, so that two who note at once wait for each other and not each for the other.
        for key_id, moment in sorted(moments.items()):
            connection.execute(keys.update().where(keys.c.id == key_id).values(last_used=as_text(moment)))


def read_keys(connection: sa.Connection) -> list[Key]:
    """Return all keys, revoked ones included, the oldest first."""
    return [_key(row) for row in connection.execute(sa.select(keys).order_by(keys.c.created, keys.c.id))]


def id_in(text: str) -> str | None:
    """Return the id of the key that a text says it is; None if it is none."""
    found = _FORM.fullmatch(text)
    return found[1] if found else None


def opens(key: Key, text: str, moment: datetime) -> bool:
    """Return whether a text is this key, and the key is valid. How long it takes tells nothing of the digest."""
    found = _FORM.fullmatch(text)
    secret = found[2] if found else ""
    return hmac.compare_digest(_digest(secret), key.digest) and key.valid_at(moment)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Any) -> Key:
    created = datetime.fromisoformat(row.created)
    moments = (as_moment(row.expires), as_moment(row.revoked), as_moment(row.last_used))
    return Key(row.id, row.name, row.scope, row.digest, created, *moments)
