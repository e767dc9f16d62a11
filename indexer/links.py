"""Addresses -> those that lead nowhere. What only keeps a visitor out (robots.txt, a login) is not taken for dead."""

from contextlib import closing

from indexer.sources.fetch import Fetched, Fetcher, FetchFailed, FetchRefused, FetchRequest, RobotsUnreadable

DEAD = (404, 410)


def find_dead(addresses: list[str], fetcher: Fetcher) -> list[str]:
    """Return the addresses that answer 404 or 410, or whose host does not answer at all, each with its reason."""
    dead = []
    with closing(fetcher.fetch_all([FetchRequest(address) for address in addresses])) as outcomes:
        for address, outcome in zip(addresses, outcomes, strict=True):
            if isinstance(outcome, Fetched) and outcome.status in DEAD:
                dead.append(f"{address} answers {outcome.status}")
            elif isinstance(outcome, FetchFailed) and not isinstance(outcome, FetchRefused | RobotsUnreadable):
                dead.append(f"{address}: {outcome.reason}")
    return dead
