"""What a service keeps in a Redis."""

import redis

from service.cache import CLAIM


def kept_in(server: redis.Redis, pattern: str = "*") -> dict[str, bytes]:
    """Return what is kept under each key; a claim, by who is making an answer, is nothing kept."""
    found = {key.decode(): server.get(key) for key in server.scan_iter(pattern)}
    return {key: value for key, value in found.items() if isinstance(value, bytes) and value != CLAIM}
