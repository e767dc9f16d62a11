from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import orjson
import pytest

from indexer.sources.fetch import Fetcher, FetchLimits
from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from indexer.sources.wordpress_api import WordPressApi
from seealso.errors import SourceUnreadable
from tests.indexer.sources.web_server import Asked, FakeClock, Reply, Site

POSTS = "/wp-json/wp/v2/posts"


def post(number: int, **changed: Any) -> dict[str, Any]:
    """Return a post as WordPress gives it, with what is embedded."""
    return {
        "id": number,
        "date": "2026-03-01T10:00:00",
        "date_gmt": "2026-03-01T09:00:00",
        "modified_gmt": "2026-03-02T09:00:00",
        "link": f"https://harbour.example/?p={number}",
        "status": "publish",
        "title": {"rendered": f"Tides &#038; boats {number}"},
        "content": {"rendered": "<p>The harbour was quiet.</p>\n<p>Boats stayed&nbsp;in.</p>", "protected": False},
        "excerpt": {"rendered": "<p>A quiet morning.</p>", "protected": False},
        "acf": {"desk": "Coast"},
        "_embedded": {
            "author": [{"name": "Ada O&#8217;Hara"}],
            "wp:featuredmedia": [{"source_url": "https://harbour.example/boat.jpg"}],
            "wp:term": [
                [{"taxonomy": "category", "name": "News &amp; Views"}, {"taxonomy": "category", "name": "Sea"}],
                [{"taxonomy": "post_tag", "name": "boats"}, {"taxonomy": "post_tag", "name": "tides, high"}],
            ],
        },
    } | changed


def posts_of(site: Site, posts: list[dict[str, Any]], before_page: Callable[[int], object] | None = None) -> None:
    """Serve posts page by page as WordPress does; `before_page` is told the page's number before it is cut."""

    def answer(asked: Asked) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        assert (query["orderby"], query["order"], query["status"]) == ("id", "asc", "publish")
        number, size = int(query["page"]), int(query["per_page"])
        if before_page:
            before_page(number)
        pages = -(-len(posts) // size)
        json = {"Content-Type": "application/json; charset=UTF-8"}
        if number > max(pages, 1):
            error = {"code": "rest_post_invalid_page_number", "message": "The page number is too large."}
            return Reply(orjson.dumps(error), 400, json)
        counts = {"X-WP-Total": str(len(posts)), "X-WP-TotalPages": str(pages)}
        ordered = sorted(posts, key=lambda each: each["id"])
        return Reply(orjson.dumps(ordered[(number - 1) * size : number * size]), headers=json | counts)

    site[POSTS] = answer


def read(site: Site, path: str = "", fields: FieldMap | None = None, per_page: int = 2) -> list[Item]:
    clock = FakeClock()
    with Fetcher(FetchLimits(retries=0), clock.now, clock.sleep) as fetcher:
        return list(WordPressApi(site.address + path, fields or FieldMap(), fetcher, per_page).read())


def ids(items: list[Item]) -> list[str]:
    return [item.article.id for item in items if isinstance(item, Found)]


def test_a_post_becomes_an_article(site: Site) -> None:
    posts_of(site, [post(7)])
    (item,) = read(site)
    assert isinstance(item, Found)
    assert item.article.model_dump(exclude_none=True) == {
        "id": "7",
        "url": "https://harbour.example/?p=7",
        "title": "Tides & boats 7",
        "summary": "A quiet morning.",
        "body": "The harbour was quiet.\n\nBoats stayed in.",
        "published": datetime(2026, 3, 1, 9, tzinfo=UTC),
        "updated": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "section": "News & Views",
        "tags": ["boats", "tides, high"],
        "author": "Ada O’Hara",
        "image": "https://harbour.example/boat.jpg",
    }
    assert item.unknown_keys == ()


@pytest.mark.parametrize("path", ["", "/", "/wp-json", "/wp-json/", "/wp-json/wp/v2"])
def test_the_sites_address_or_its_interfaces_will_do(site: Site, path: str) -> None:
    posts_of(site, [post(number) for number in range(1, 6)])
    assert ids(read(site, path)) == ["1", "2", "3", "4", "5"]
    assert sum(site.counts().values()) == 4  # three pages and robots.txt


def test_a_site_without_pretty_links_is_asked_by_rest_route(site: Site) -> None:
    site["/"] = Reply(orjson.dumps([post(1)]), headers={"X-WP-Total": "1", "X-WP-TotalPages": "1"})
    assert ids(read(site, "/?rest_route=/")) == ["1"]
    assert site.asked[-1].path.startswith("/?rest_route=/wp/v2/posts&status=publish&per_page=2&page=1")


def test_no_posts_are_no_error(site: Site) -> None:
    posts_of(site, [])
    assert read(site) == []


def test_a_field_may_come_from_elsewhere_in_the_post(site: Site) -> None:
    posts_of(site, [post(1)])
    (item,) = read(site, fields=FieldMap({"section": "acf.desk", "summary": "title.rendered"}, {"language": "en"}))
    assert isinstance(item, Found)
    assert (item.article.section, item.article.summary, item.article.title, item.article.language) == (
        "Coast",
        "Tides & boats 1",
        "Tides & boats 1",
        "en",
    )


def test_a_protected_post_is_left_out_and_a_broken_one_quarantined(site: Site) -> None:
    protected = post(2, content={"rendered": "", "protected": True})
    posts_of(
        site, [post(1), protected, post(3, title={"rendered": ""}), post(4, _embedded={"author": [{"code": "x"}]})]
    )
    items = read(site)
    assert ids(items) == ["1", "4"]
    assert items[1] == LeftOut(f"{site.address} post 2", "protected")
    assert isinstance(items[2], Quarantined)
    assert "title" in items[2].reason


def test_what_is_no_post_is_quarantined(site: Site) -> None:
    site[POSTS] = Reply(orjson.dumps([1, post(1)]), headers={"X-WP-Total": "2", "X-WP-TotalPages": "1"})
    items = read(site)
    assert isinstance(items[0], Quarantined)
    assert ids(items) == ["1"]


def once(change: Callable[[], object], page: int) -> Callable[[int], None]:
    """Return what makes a change before a page is given for the first time."""
    pending = [change]

    def before(number: int) -> None:
        if number == page and pending:
            pending.pop()()

    return before


def test_a_post_deleted_while_pages_are_read_loses_no_other(site: Site) -> None:
    posts = [post(number) for number in range(1, 8)]
    # Post 3 moves up to the page that has been read already.
    posts_of(site, posts, once(lambda: posts.pop(0), page=2))
    items = read(site)
    assert ids(items) == ["1", "2", "4", "5", "6", "7", "3"]


def test_a_draft_published_while_pages_are_read_is_not_lost_and_no_post_comes_twice(site: Site) -> None:
    posts = [post(number) for number in (1, 3, 4, 5)]
    posts_of(site, posts, once(lambda: posts.append(post(2)), page=2))
    items = read(site)
    assert sorted(ids(items)) == ["1", "2", "3", "4", "5"]


def test_a_last_page_that_is_no_longer_there_is_read_for_again(site: Site) -> None:
    posts = [post(number) for number in range(1, 4)]
    posts_of(site, posts, once(lambda: posts.pop(0), page=2))
    assert ids(read(site)) == ["1", "2", "3"]


def test_posts_that_never_keep_still_are_an_error(site: Site) -> None:
    posts = [post(number) for number in range(1, 20)]
    posts_of(site, posts, lambda number: posts.pop(0))
    with pytest.raises(SourceUnreadable, match="posts came and went"):
        read(site)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Reply('{"code":"rest_no_route","message":"No route was found matching the URL."}', 404),
            r"answers 404: No route was found matching the URL\. \(rest_no_route\)",
        ),
        (
            Reply('{"code":"rest_forbidden","message":"Only for logged&#8211;in users."}', 401),
            "answers 401: Only for logged–in users",
        ),
        (Reply("<html>Not found</html>", 404), "answers 404 and no list of posts in JSON .*<html>Not found"),
        (Reply("<b>Warning</b>: in plugin.php[]"), "answers 200 and no list of posts in JSON"),
        (Reply("[]"), "does not say how many posts there are"),
        (Reply("", 503), "it answers 503"),
    ],
)
def test_an_interface_that_answers_otherwise_is_an_error_in_its_words(site: Site, reply: Reply, reason: str) -> None:
    site[POSTS] = reply
    with pytest.raises(SourceUnreadable, match=reason):
        read(site)


def test_a_later_page_that_fails_is_an_error_and_not_the_end(site: Site) -> None:
    posts = [post(number) for number in range(1, 6)]
    posts_of(site, posts)

    def broken(asked: Asked) -> Reply:
        if "&page=2&" in asked.path:
            return Reply('{"code":"internal_server_error","message":"There has been a critical error."}', 403)
        return Reply(orjson.dumps(posts[:2]), headers={"X-WP-Total": "5", "X-WP-TotalPages": "3"})

    site[POSTS] = broken
    with pytest.raises(SourceUnreadable, match="critical error"):
        read(site)


def test_robots_txt_that_forbids_the_interface_is_said(site: Site) -> None:
    site["/robots.txt"] = "User-agent: *\nDisallow: /wp-json/\n"
    with pytest.raises(SourceUnreadable, match=r"robots\.txt forbids"):
        read(site)


def test_times_in_utc_are_not_those_of_the_projects_zone(site: Site) -> None:
    posts_of(site, [post(1), post(2, date_gmt=None)])
    with Fetcher(FetchLimits(retries=0, requests_per_second=1_000)) as fetcher:
        items = list(WordPressApi(site.address, FieldMap(zone=ZoneInfo("Europe/Berlin")), fetcher).read())
    assert [item.article.published for item in items if isinstance(item, Found)] == [
        datetime(2026, 3, 1, 9, tzinfo=UTC)
    ] * 2


@pytest.mark.parametrize("count", ["9" * 5_000, "-1", "\u0663", ""])
def test_a_count_that_is_none_is_an_error_of_the_source(site: Site, count: str) -> None:
    headers = {"X-WP-Total": count.encode().decode("latin-1"), "X-WP-TotalPages": "1"}
    site[POSTS] = lambda _: Reply(orjson.dumps([post(1)]), headers=headers)
    with pytest.raises(SourceUnreadable, match="does not say how many posts"):
        read(site)


def test_a_post_that_is_nested_a_thousand_times_is_quarantined_alone(site: Site) -> None:
    posts = orjson.dumps([post(1, link=0), post(2)]).replace(b'"link":0', b'"link":' + b"[" * 1_000 + b"]" * 1_000)
    site[POSTS] = lambda _: Reply(posts, headers={"X-WP-Total": "2", "X-WP-TotalPages": "1"})
    first, second = read(site, fields=FieldMap({"id": "link"}))
    assert isinstance(first, Quarantined)
    assert "nested too deeply" in first.reason
    assert isinstance(second, Quarantined | Found)
