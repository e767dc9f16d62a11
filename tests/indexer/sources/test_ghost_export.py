import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.sources.ghost_export import FILE_BYTES_MAX, GhostExport
from indexer.sources.source import Found, Item, LeftOut, Quarantined
from seealso.errors import SourceUnreadable

POST = {
    "id": "5f1b",
    "slug": "spring-tides",
    "title": "Spring tides & <b>",
    "html": '<p>The sea &amp; the moon.</p><figure class="kg-card"><img src="/a.jpg"></figure><p>More.</p>',
    "plaintext": "The sea & the moon. More.",
    "custom_excerpt": "On tides.",
    "feature_image": "__GHOST_URL__/content/images/2025/07/tide.jpg",
    "status": "published",
    "type": "post",
    "visibility": "members",
    "published_at": "2025-07-21T06:30:00.000Z",
    "updated_at": "2025-07-22T06:30:00.000Z",
}
DATA = {
    "posts": [POST],
    "tags": [
        {"id": "t1", "name": "Sea", "visibility": "public"},
        {"id": "t2", "name": "Moon", "visibility": "public"},
        {"id": "t3", "name": "#newsletter", "visibility": "internal"},
    ],
    "posts_tags": [
        {"post_id": "5f1b", "tag_id": "t2", "sort_order": 2},
        {"post_id": "5f1b", "tag_id": "t3", "sort_order": 0},
        {"post_id": "5f1b", "tag_id": "t1", "sort_order": 1},
        {"post_id": "5f1b", "tag_id": "gone", "sort_order": 3},
    ],
    "users": [{"id": "u1", "name": "Ada Fry"}, {"id": "u2", "name": "Ben Oak"}],
    "posts_authors": [
        {"post_id": "5f1b", "author_id": "u2", "sort_order": 1},
        {"post_id": "5f1b", "author_id": "u1", "sort_order": 0},
    ],
    "settings": [{"key": "title", "value": "News"}, {"key": "locale", "value": "en-GB"}],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


def read(path: Path, data: dict[str, Any], site: str | None = "https://news.example/") -> list[Item]:
    path.write_text(json.dumps({"db": [{"meta": {"version": "5.80.0"}, "data": data}]}))
    return list(GhostExport(path, site).read())


def only(items: list[Item]) -> Found:
    (item,) = items
    assert isinstance(item, Found), item
    return item


def with_posts(*changes: dict[str, Any], **tables: Any) -> dict[str, Any]:
    return DATA | {"posts": [POST | change for change in changes]} | tables


def test_post_with_many_authors_names_as_many_as_there_is_room_for(path: Path) -> None:
    users = [{"id": "u1", "name": "a" * 150}, {"id": "u2", "name": "b" * 90}]
    assert only(read(path, DATA | {"users": users})).article.author == f"{'a' * 150}, …"


def test_published_post_becomes_an_article_with_all_that_ghost_knows(path: Path) -> None:
    item = only(read(path, DATA))
    article = item.article
    assert item.where == f"{path} post 1 (id 5f1b)"
    assert (article.id, article.url) == ("5f1b", "https://news.example/spring-tides/")
    assert (article.title, article.summary) == ("Spring tides & <b>", "On tides.")
    assert article.body == "The sea & the moon.\n\nMore."
    assert (article.section, article.tags, article.author) == ("Sea", ["Sea", "Moon"], "Ada Fry, Ben Oak")
    assert article.published == datetime(2025, 7, 21, 6, 30, tzinfo=UTC)
    assert article.updated == datetime(2025, 7, 22, 6, 30, tzinfo=UTC)
    assert article.image == "https://news.example/content/images/2025/07/tide.jpg"
    assert (article.language, article.access) == ("en-GB", "members")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "draft"}, "draft"),
        ({"status": "scheduled"}, "scheduled"),
        ({"status": "sent"}, "sent"),
        ({"type": "page"}, "page"),
        ({"type": None, "page": 1}, "page"),
    ],
)
def test_what_readers_cannot_see_is_left_out(path: Path, change: dict[str, Any], reason: str) -> None:
    left_out, kept = read(path, with_posts(change, {}))
    assert isinstance(left_out, LeftOut)
    assert left_out.reason == reason
    assert isinstance(kept, Found)


def test_post_that_was_only_mailed_is_left_out(path: Path) -> None:
    (item,) = read(path, with_posts({}, posts_meta=[{"post_id": "5f1b", "email_only": True}]))
    assert item == LeftOut(f"{path} post 1 (id 5f1b)", "mailed only")


def test_without_a_site_the_canonical_address_is_all_there_is(path: Path) -> None:
    article = only(read(path, DATA, site=None)).article
    assert (article.url, article.image) == (None, None)
    article = only(read(path, with_posts({"canonical_url": "https://elsewhere.example/tides"}), site=None)).article
    assert article.url == "https://elsewhere.example/tides"
    meta = [{"post_id": "5f1b", "canonical_url": "__GHOST_URL__/tides/"}]
    assert only(read(path, with_posts({}, posts_meta=meta), site=None)).article.url is None


def test_post_without_html_is_read_as_plain_text(path: Path) -> None:
    plain = "One < two.\n\nAnd & more."
    assert only(read(path, with_posts({"html": None, "plaintext": plain}))).article.body == plain


def test_content_that_ghost_has_not_rendered_is_quarantined_not_indexed_empty(path: Path) -> None:
    (item,) = read(path, with_posts({"html": None, "plaintext": None, "lexical": '{"root": {}}'}))
    assert isinstance(item, Quarantined)
    assert "neither html nor plaintext" in item.reason


def test_old_export_without_the_list_is_read(path: Path) -> None:
    post = {"id": 7, "title": "T", "slug": "t", "html": "<p>B</p>", "status": "published", "page": 0, "author_id": 1}
    post |= {"image": "/content/images/a.jpg", "published_at": 1_753_079_400_000, "language": "en_US"}
    data = {"posts": [post], "tags": [{"id": 3, "name": "Sea"}], "posts_tags": [{"post_id": 7, "tag_id": 3}]}
    data["users"] = [{"id": 1, "name": "Ada Fry"}]
    path.write_text(json.dumps({"meta": {"version": "003"}, "data": data}))
    article = only(list(GhostExport(path, "https://news.example").read())).article
    assert (article.id, article.author, article.section) == ("7", "Ada Fry", "Sea")
    assert article.image == "https://news.example/content/images/a.jpg"
    assert article.published == datetime(2025, 7, 21, 6, 30, tzinfo=UTC)


def test_one_bad_post_is_quarantined_and_the_rest_read(path: Path) -> None:
    data = with_posts({"html": "<p>" + "word " * 1_000_000}, {"title": ""}, {"published_at": "soon"}, {})
    data["posts"].insert(3, "post")
    long, untitled, undated, strange, good = read(path, data)
    for bad, reason in ((long, "body"), (untitled, "title"), (undated, "published"), (strange, "not a JSON object")):
        assert isinstance(bad, Quarantined)
        assert reason in bad.reason
    assert isinstance(good, Found)


def test_markup_nested_10_000_deep_keeps_its_text(path: Path) -> None:
    item = only(read(path, with_posts({"html": "<div>" * 10_000 + "Deep." + "</div>" * 10_000})))
    assert item.article.body == "Deep."


def test_tables_out_of_shape_cost_what_they_would_have_told(path: Path) -> None:
    tables: dict[str, Any] = {
        "tags": None,
        "posts_tags": [1, {"post_id": "5f1b", "tag_id": ["t1"], "sort_order": "first"}],
        "users": {},
    }
    article = only(read(path, DATA | tables)).article
    assert (article.tags, article.author) == ([], None)


def test_cut_or_misencoded_export_is_an_error_with_its_place(path: Path) -> None:
    read(path, DATA)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceUnreadable, match="not JSON, or cut, at line 1, column"):
        list(GhostExport(path).read())
    path.write_bytes(whole.replace(b"On tides", b"On t\xefdes"))
    with pytest.raises(SourceUnreadable, match="not JSON"):
        list(GhostExport(path).read())


@pytest.mark.parametrize("value", [[], {}, {"db": []}, {"db": [{"data": {"tags": []}}]}, {"data": {"posts": {}}}, "x"])
def test_other_json_is_no_export(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))
    with pytest.raises(SourceUnreadable, match="no export of Ghost's"):
        list(GhostExport(path).read())


def test_file_too_large_to_be_held_is_refused(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    with pytest.raises(SourceUnreadable, match=r"more than 2,000,000,000 bytes"):
        list(GhostExport(path).read())


def test_missing_file_is_named(path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="No such file"):
        list(GhostExport(path).read())


def test_what_is_nested_a_thousand_times_costs_its_post_alone(path: Path) -> None:
    text = json.dumps({"db": [{"data": {"posts": [POST | {"id": 0}, POST]}}]})
    path.write_text(text.replace('"id": 0', '"id": ' + "[" * 1_000 + "]" * 1_000))
    first, second = GhostExport(path).read()
    assert isinstance(first, Quarantined)
    assert "nested too deeply" in first.reason
    assert isinstance(second, Found)
    text = json.dumps({"db": [{"data": {"posts": [POST], "tags": [{"id": 0}]}}]})
    path.write_text(text.replace('"id": 0', '"id": ' + "[" * 1_000 + "]" * 1_000))
    with pytest.raises(SourceUnreadable, match="nested too deeply"):
        list(GhostExport(path).read())
