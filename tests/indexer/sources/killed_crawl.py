"""A crawl in a process of its own, for a test to kill: `python -m ... SITEMAP STATE` prints each page as it is read."""

import sys
from pathlib import Path

from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.sitemap import Sitemap
from seealso.extract import PageExtractor


def crawl(address: str, state: Path) -> None:
    """Read all pages, one line of output each."""
    limits = FetchLimits(requests_per_second=50, concurrency=1)
    with PageExtractor(20.0) as extractor, Fetcher(limits) as fetcher:
        for item in Sitemap(address, fetcher, extractor, state).read():
            print(item.where, flush=True)  # noqa: T201


if __name__ == "__main__":
    crawl(sys.argv[1], Path(sys.argv[2]))
