"""Parts of work on several threads, for what numpy and scipy compute, which then let other threads run."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Made = TypeVar("Made")


def on_threads(threads: int, work: Callable[[Part], Made], parts: Iterable[Part]) -> Iterator[Made]:
    """Yield what `work` makes of each part, in their order, on so many threads; on the caller's own where that is one.

    What `work` raises is raised here, and no further part is begun.
    """
    if threads == 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, parts)


def in_parts(count: int, size: int) -> list[tuple[int, int]]:
    """Return the first and, not included, the last of each of the parts of `count`, all but the last one of `size`."""
    return [(first, min(first + size, count)) for first in range(0, count, size)]
