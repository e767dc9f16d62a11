from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from indexer.sources.record import FieldMap
from indexer.sources.source import Found, Quarantined
from seealso.article import Article

RECORD: dict[str, Any] = {"id": "a", "title": "Title", "body": "Body."}


def article_of(record: dict[str, Any], fields: FieldMap | None = None) -> Article:
    found = (fields or FieldMap()).read(record, "here")
    assert isinstance(found, Found), found
    return found.article


def test_fields_are_found_under_the_names_of_the_source() -> None:
    fields = FieldMap({"id": "slug", "title": "title.rendered", "author": "authors.name", "body": "text"})
    record = {
        "slug": 17,
        "title": {"rendered": "T"},
        "authors": [{"name": "A"}, {"name": "B"}, {}],
        "text": "x",
        "other": 1,
    }
    found = fields.read(record, "here")
    assert isinstance(found, Found)
    assert (found.article.id, found.article.title, found.article.author) == ("17", "T", "A, B")
    assert found.unknown_keys == ("other",)


def test_name_with_a_dot_may_be_a_column_of_its_own() -> None:
    assert article_of(RECORD | {"seo.title": "Plain"}, FieldMap({"title": "seo.title"})).title == "Plain"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("tags", "sea, tides ,", ["sea", "tides"]),
        ("tags", ["sea", 7], ["sea", "7"]),
        ("tags", [None, "sea"], ["sea"]),
        ("tags", [None], []),
        ("tags", '["sea, and moon", "tides"]', ["sea, and moon", "tides"]),
        ("tags", "[sea], tides", ["[sea]", "tides"]),
        ("author", [None], None),
        ("author", ["A", None, "B"], "A, B"),
        ("author", ["A" * 99, "B" * 99, "C"], f"{'A' * 99}, …"),
        ("editor_related", "b,c", ["b", "c"]),
        ("sponsored", "yes", True),
        ("sponsored", 0, False),
        ("sensitive", "", None),
        ("published", date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        ("published", datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3, tzinfo=UTC)),
        ("published", 1_767_322_800, datetime(2026, 1, 2, 3, tzinfo=UTC)),
        ("published", 1_767_322_800_000, datetime(2026, 1, 2, 3, tzinfo=UTC)),
        ("published", "1767322800", datetime(2026, 1, 2, 3, tzinfo=UTC)),
        ("published", " 1767322800000", datetime(2026, 1, 2, 3, tzinfo=UTC)),
        ("published", "20260102", datetime(2026, 1, 2, tzinfo=UTC)),
        ("image", "https://a.example/a boat.jpg?w=6 4", "https://a.example/a%20boat.jpg?w=6%204"),
        ("language", "en_GB", "en-GB"),
        ("sponsored", 1.0, True),
        ("sponsored", Decimal(1), True),
        ("sponsored", Decimal("0.0"), False),
        ("sponsored", "\x01", True),
        ("sponsored", "\x00", False),
        ("id", Decimal("12"), "12"),
        ("id", Decimal("12.0"), "12.0"),
        ("id", Decimal("1E+3"), "1000"),
        ("id", 17.0, "17"),
        ("editor_related", [17.0, 18], ["17", "18"]),
        ("image_width", "640", 640),
        ("image_width", 640.0, 640),
        ("image_height", Decimal(480), 480),
        ("image_height", "", None),
        ("section", "", None),
    ],
)
def test_what_other_formats_do_to_values_is_undone(name: str, value: object, read: object) -> None:
    assert getattr(article_of(RECORD | {name: value}), name) == read


@pytest.mark.parametrize("number", [1.5, float("nan"), float("inf")])
def test_number_that_is_not_whole_is_no_id(number: float) -> None:
    assert isinstance(FieldMap().read(RECORD | {"id": number}, "here"), Quarantined)


@pytest.mark.parametrize("number", [2, 0.5, Decimal("0.5"), Decimal("NaN"), float("nan")])
def test_number_but_0_and_1_is_no_flag(number: Any) -> None:
    assert isinstance(FieldMap().read(RECORD | {"sponsored": number}, "here"), Quarantined)


@pytest.mark.parametrize("tags", [[{"id": 1, "name": "Politics"}], [["sea"]], '[{"name": "Sea"}]'])
def test_objects_are_no_tags(tags: object) -> None:
    refused = FieldMap().read(RECORD | {"tags": tags}, "here")
    assert isinstance(refused, Quarantined)
    assert "tags.0" in refused.reason
    named = FieldMap({"tags": "tags.name"}).read(RECORD | {"tags": [{"id": 1, "name": "Politics"}]}, "here")
    assert isinstance(named, Found)
    assert named.article.tags == ["Politics"]


def test_text_may_be_made_of_several_names() -> None:
    fields = FieldMap({"url": "https://a.example/{desk.name}/{slug}", "id": "slug"})
    record = {"slug": "tides", "desk": {"name": "sea"}, "title": "T", "body": "B"}
    found = fields.read(record, "here")
    assert isinstance(found, Found)
    assert (found.article.url, found.unknown_keys) == ("https://a.example/sea/tides", ())
    assert article_of(record | {"desk": {}}, fields).url is None
    assert article_of(record | {"slug": 17.0}, fields).url == "https://a.example/sea/17"
    inside = fields.inside("post").read({"post": record, "title": "T", "body": "B"}, "here")
    assert isinstance(inside, Found)
    assert inside.article.url == "https://a.example/sea/tides"


def test_times_without_an_offset_are_in_the_zone_that_is_said() -> None:
    dublin = FieldMap(zone=ZoneInfo("Europe/Dublin"))
    for value in ("2026-07-01T10:00", datetime(2026, 7, 1, 10)):
        assert article_of(RECORD | {"published": value}, dublin).published == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert article_of(RECORD | {"published": "2026-07-01T10:00Z"}, dublin).published == datetime(
        2026, 7, 1, 10, tzinfo=UTC
    )
    assert article_of(RECORD | {"published": date(2026, 7, 1)}, dublin).published == datetime(
        2026, 6, 30, 23, tzinfo=UTC
    )


def test_defaults_stand_where_the_record_has_nothing() -> None:
    fields = FieldMap(defaults={"language": "en", "section": "News"})
    read = article_of(RECORD | {"section": "Sport", "language": ""}, fields)
    assert (read.language, read.section) == ("en", "Sport")


def test_markup_becomes_text() -> None:
    read = article_of(RECORD | {"title": "Fish &amp; chips", "body": "<p>a</p><p>b</p>"}, FieldMap(markup=True))
    assert (read.title, read.body) == ("Fish & chips", "a\n\nb")


def test_wrong_field_is_told_by_the_name_it_has_in_the_source() -> None:
    found = FieldMap({"title": "headline"}).read({"id": "a", "headline": " "}, "row 7")
    assert isinstance(found, Quarantined)
    assert found.where == "row 7"
    assert "title: is empty" in found.reason
    assert "title is read from 'headline'" in found.reason


def test_picture_that_is_none_costs_itself_alone_and_is_told() -> None:
    fields = {"image": "/boat.jpg", "image_width": 640, "image_alt": "A boat", "other": 1}
    found = FieldMap().read(RECORD | fields, "here")
    assert isinstance(found, Found)
    assert (found.article.image, found.article.image_width, found.article.image_alt) == (None, None, None)
    assert found.unknown_keys == ("other", *(f"{each} (none that can be used)" for each in sorted(fields)[:3]))
    assert article_of(RECORD | {"image": "https://a.example/1", "image_width": 0}).image == "https://a.example/1"
    assert isinstance(FieldMap().read(RECORD | {"image": "/boat.jpg", "url": "/tides"}, "here"), Quarantined)


def test_record_without_a_body_is_embedded_by_its_title_but_one_with_no_such_field_is_none() -> None:
    assert article_of({"id": "a", "title": "T", "body": None}).body == ""
    assert article_of({"id": "a", "title": "T", "post": {}}, FieldMap({"body": "post.text"})).body == ""
    missing = FieldMap().read({"id": "a", "title": "T", "text": "B"}, "here")
    assert isinstance(missing, Quarantined)
    assert "body: is missing" in missing.reason


@pytest.mark.parametrize("value", ["1" * 5_000, Decimal("Infinity"), Decimal("sNaN"), Decimal("1E+1000"), float("inf")])
def test_a_size_that_no_number_holds_costs_its_picture_alone(value: Any) -> None:
    picture = {"image": "https://a.example/i.jpg", "image_width": value, "image_height": 10}
    assert article_of(RECORD | picture).image == "https://a.example/i.jpg"
    assert article_of(RECORD | picture).image_width is None


@pytest.mark.parametrize("value", [Decimal("sNaN"), Decimal("Infinity"), float("nan"), 10**30])
def test_a_moment_that_no_number_holds_is_quarantined(value: Any) -> None:
    found = FieldMap().read(RECORD | {"published": value}, "here")
    assert isinstance(found, Quarantined)
    assert "published" in found.reason
