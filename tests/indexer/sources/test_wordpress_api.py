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


def posts_of(site: Site, posts: list[dict[str, Any]], before_answer: Callable[[int], object] | None = None) -> None:
    """Serve posts from an offset on, as WordPress does; `before_answer` is told the offset before the list is cut."""

    def answer(asked: Asked) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        assert (query["orderby"], query["order"], query["status"]) == ("id", "asc", "publish")
        offset, size = int(query["offset"]), int(query["per_page"])
        if before_answer:
            before_answer(offset)
        listed = sorted(posts, key=lambda each: each["id"])[offset : offset + size]
        # Of a list that is empty because it begins beyond the end, WordPress counts nothing.
        return counted(listed, len(posts) if listed else 0)

    site[POSTS] = answer


def counted(listed: list[Any], total: int) -> Reply:
    json = {"Content-Type": "application/json; charset=UTF-8"}
    return Reply(orjson.dumps(listed), headers=json | {"X-WP-Total": str(total)})


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
    assert sum(site.counts().values()) == 6  # from each post but the last two at a time, the last alone, robots.txt


def test_a_site_without_pretty_links_is_asked_by_rest_route(site: Site) -> None:
    site["/"] = Reply(orjson.dumps([post(1)]), headers={"X-WP-Total": "1"})
    assert ids(read(site, "/?rest_route=/")) == ["1"]
    assert site.asked[-1].path.startswith("/?rest_route=/wp/v2/posts&status=publish&per_page=2&offset=0")


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
    site[POSTS] = Reply(orjson.dumps([1, post(1)]), headers={"X-WP-Total": "2"})
    items = read(site)
    assert isinstance(items[0], Quarantined)
    assert ids(items) == ["1"]


def once(change: Callable[[], object], offset: int) -> Callable[[int], None]:
    """Return what makes a change before posts from an offset on are given for the first time."""
    pending = [change]

    def before(asked: int) -> None:
        if asked >= offset and pending:
            pending.pop()()

    return before


@pytest.mark.parametrize("per_page", [1, 2, 3, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_each_post_comes_once_however_many_are_given_at_a_time(site: Site, count: int, per_page: int) -> None:
    posts_of(site, [post(number) for number in range(1, count + 1)])
    assert ids(read(site, per_page=per_page)) == [str(number) for number in range(1, count + 1)]


def test_a_site_that_publishes_during_every_walk_is_read_in_one(site: Site) -> None:
    posts = [post(number) for number in range(1, 8)]
    offsets: list[int] = []

    def publish(offset: int) -> None:
        offsets.append(offset)
        if len(posts) < 10:
            posts.append(post(len(posts) + 1))

    posts_of(site, posts, publish)
    assert ids(read(site, per_page=4)) == [str(number) for number in range(1, 11)]
    assert offsets == [0, 3, 6, 9]


@pytest.mark.parametrize("gone", [1, 2, 3, 5])
@pytest.mark.parametrize("per_page", [2, 3])
def test_posts_deleted_while_it_is_read_lose_no_other(site: Site, per_page: int, gone: int) -> None:
    posts = [post(number) for number in range(1, 12)]
    offsets: list[int] = []
    delete = once(lambda: posts.__delitem__(slice(gone)), offset=4)

    def before(offset: int) -> None:
        offsets.append(offset)
        delete(offset)

    posts_of(site, posts, before)
    assert ids(read(site, per_page=per_page)) == [str(number) for number in range(1, 12)]
    assert offsets.count(0) <= 2


def test_all_posts_before_and_the_rest_deleted_is_an_end(site: Site) -> None:
    posts = [post(number) for number in range(1, 8)]
    posts_of(site, posts, once(posts.clear, offset=4))
    assert ids(read(site)) == ["1", "2", "3", "4", "5"]


def test_a_draft_published_behind_what_was_read_loses_no_other_and_none_comes_twice(site: Site) -> None:
    posts = [post(number) for number in (1, 3, 4, 5, 6)]
    offsets: list[int] = []
    publish = once(lambda: posts.append(post(2)), offset=2)

    def before(offset: int) -> None:
        offsets.append(offset)
        publish(offset)

    posts_of(site, posts, before)
    assert ids(read(site, per_page=3)) == ["1", "3", "4", "5", "6"]  # 2 is the next night's, or the plugin's to tell
    assert offsets == [0, 2, 4, 5]


def test_more_drafts_than_one_answer_holds_are_read_for_again(site: Site) -> None:
    posts = [post(number) for number in (1, 3, 4, 5)]
    posts_of(site, posts, once(lambda: posts.append(post(2)), offset=1))
    assert ids(read(site)) == ["1", "3", "2", "4", "5"]


def test_a_server_that_ignores_the_offset_or_cuts_its_lists_is_an_error(site: Site) -> None:
    posts = [post(number) for number in range(1, 8)]
    site[POSTS] = lambda _: counted(posts[:3], 7)
    with pytest.raises(SourceUnreadable, match="fewer posts came than it says there are, 2 times"):
        read(site, per_page=3)


@pytest.mark.parametrize("listed", [[1, 1], [post(-5), post(2**63)], [post(1), {}, {}]])
def test_what_has_no_id_and_comes_at_each_offset_is_an_error(site: Site, listed: list[Any]) -> None:
    site[POSTS] = lambda _: counted(listed, 7)
    with pytest.raises(SourceUnreadable, match="fewer posts came than it says there are, 2 times"):
        read(site)


@pytest.mark.parametrize("number", [-5, 2**63, True, 1.5, "7"])
def test_what_is_no_id_is_quarantined(site: Site, number: object) -> None:
    site[POSTS] = lambda _: counted([post(1) | {"id": number}, post(2)], 2)
    first, second = read(site)
    assert isinstance(first, Quarantined)
    assert "no post with an id" in first.reason
    assert isinstance(second, Found)


def test_ids_that_do_not_rise_are_an_error(site: Site) -> None:
    posts = [post(number) for number in range(7, 0, -1)]

    def newest_first(asked: Asked) -> Reply:
        offset = int(parse_qs(urlsplit(asked.path).query)["offset"][0])
        return counted(posts[offset : offset + 3], 7)

    site[POSTS] = newest_first
    with pytest.raises(SourceUnreadable, match="its ids do not rise"):
        read(site, per_page=3)


def test_what_is_no_post_is_given_once_wherever_it_stands(site: Site) -> None:
    listed = [post(1), "warning", post(2), post(3), "warning", post(4), "warning"]

    def answer(asked: Asked) -> Reply:
        offset = int(parse_qs(urlsplit(asked.path).query)["offset"][0])
        return counted(listed[offset : offset + 2], len(listed))

    site[POSTS] = answer
    items = read(site)
    assert ids(items) == ["1", "2", "3", "4"]
    assert sum(isinstance(item, Quarantined) for item in items) == 3


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
        (
            Reply(b'{"code":' + b"[" * 1_000 + b"]" * 1_000 + b',"message":"Not now."}', 403),
            "answers 403: Not now. .a list, nested too deeply",
        ),
        (Reply(orjson.dumps({"code": "x" * 1_000, "message": "Not now."}), 403), r"Not now\. \(x{100}\)"),
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


def test_a_later_answer_that_fails_is_an_error_and_not_the_end(site: Site) -> None:
    posts = [post(number) for number in range(1, 6)]
    posts_of(site, posts)

    def broken(asked: Asked) -> Reply:
        if "&offset=1&" in asked.path:
            return Reply('{"code":"internal_server_error","message":"There has been a critical error."}', 403)
        return counted(posts[:2], 5)

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
    headers = {"X-WP-Total": count.encode().decode("latin-1")}
    site[POSTS] = lambda _: Reply(orjson.dumps([post(1)]), headers=headers)
    with pytest.raises(SourceUnreadable, match="does not say how many posts"):
        read(site)


def test_a_post_that_is_nested_a_thousand_times_is_quarantined_alone(site: Site) -> None:
    posts = orjson.dumps([post(1, link=0), post(2)]).replace(b'"link":0', b'"link":' + b"[" * 1_000 + b"]" * 1_000)
    site[POSTS] = lambda _: Reply(posts, headers={"X-WP-Total": "2"})
    first, second = read(site, fields=FieldMap({"id": "link"}))
    assert isinstance(first, Quarantined)
    assert "nested too deeply" in first.reason
    assert isinstance(second, Quarantined | Found)
