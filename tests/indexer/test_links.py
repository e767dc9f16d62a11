from indexer.links import find_dead
from indexer.sources.fetch import Fetcher, FetchLimits
from tests.indexer.sources.web_server import Reply, serve_site


def test_what_leads_nowhere_is_dead_and_what_keeps_a_visitor_out_is_not() -> None:
    with serve_site() as site, Fetcher(FetchLimits(requests_per_second=1_000, retries=0)) as fetcher:
        site["/robots.txt"] = "User-agent: *\nDisallow: /private"
        site["/here"] = "<p>Here."
        site["/gone"] = Reply(status=410)
        site["/login"] = Reply(status=403)
        addresses = [f"{site.address}/{name}" for name in ("here", "missing", "gone", "login", "private/x")]
        addresses.append("http://127.0.0.1:9/nobody-listens")
        dead = find_dead(addresses, fetcher)
    assert [each.partition(" answers ")[2] for each in dead[:2]] == ["404", "410"]
    assert dead[0].startswith(f"{site.address}/missing ")
    assert dead[2].startswith("http://127.0.0.1:9/nobody-listens: ")
    assert len(dead) == 3


def test_host_whose_robots_txt_fails_is_not_dead() -> None:
    with serve_site() as site, Fetcher(FetchLimits(requests_per_second=1_000, retries=0)) as fetcher:
        site["/robots.txt"] = Reply(status=503)
        assert find_dead([f"{site.address}/here"], fetcher) == []
