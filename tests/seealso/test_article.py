from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from seealso.article import (
    Article,
    InvalidArticle,
    format_time,
    is_web,
    join_names,
    parse_time,
    printable,
    read_article,
    reading_minutes,
)

PLAIN = {"id": "a", "title": "Title", "body": "Body."}


def reason(**fields: object) -> str:
    with pytest.raises(InvalidArticle) as caught:
        read_article(PLAIN | fields)
    return str(caught.value)


def test_three_fields_are_enough() -> None:
    article, unknown = read_article(PLAIN)
    assert (article.id, article.title, article.body, article.section, unknown) == ("a", "Title", "Body.", None, [])


def test_body_may_be_empty_and_the_summary_is_then_the_text() -> None:
    article, _ = read_article({"id": "a", "title": "Title", "body": "", "summary": "Short."})
    assert article.text == "Short."


def test_text_is_summary_then_body_and_not_the_summary_twice() -> None:
    assert read_article(PLAIN | {"summary": "Short."})[0].text == "Short.\n\nBody."
    assert read_article(PLAIN | {"summary": "Body."})[0].text == "Body."


@pytest.mark.parametrize("field", ["id", "title", "body"])
def test_missing_field_is_named(field: str) -> None:
    fields = {name: value for name, value in PLAIN.items() if name != field}
    with pytest.raises(InvalidArticle, match=f"^{field}: is missing$"):
        read_article(fields)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "", "at least 1 character"),
        ("id", "x" * 201, "at most 200 characters"),
        ("id", "a\nb", "printable"),
        ("id", " a", "space"),
        ("id", 7, "string"),
        ("id", "a/related", "name its block"),
        ("id", "a/related.html", "name its block"),
        ("id", "a\ud800", "string"),
        ("title", "", "is empty"),
        ("title", " \t ", "is empty"),
        ("title", None, "string"),
        ("body", None, "string"),
        ("body", ["a"], "string"),
        ("body", "\udfff", "string"),
        ("url", "javascript:alert(1)", "http"),
        ("url", "data:text/html,x", "http"),
        ("url", "//example.org/x", "http"),
        ("url", "/x", "http"),
        ("url", "http://", "http"),
        ("url", "https://a b/", "http"),
        ("image", "ftp://example.org/x.png", "http"),
        ("image_width", 0, "greater than or equal to 1"),
        ("image_width", "640", "integer"),
        ("image_height", 100_001, "less than or equal to 100000"),
        ("image_srcset", "s.jpg 480w", "absolute addresses with widths"),
        ("image_srcset", "https://a.example/s.jpg", "absolute addresses with widths"),
        ("image_srcset", "https://a.example/s.jpg 480w, javascript:alert(1) 2x", "absolute addresses with widths"),
        ("published", "yesterday", "ISO 8601"),
        ("published", 1_700_000_000, "ISO 8601"),
        ("published", "2025-13-01", "ISO 8601"),
        ("published", "0001-01-01T00:00:00+05:00", "years 1 to 9999"),
        ("language", "english!", "BCP 47"),
        ("tags", "news", "list"),
        ("tags", [1], "string"),
        ("sponsored", "yes", "bool"),
        ("editor_related", [""], "at least 1 character"),
    ],
)
def test_wrong_value_is_refused_with_field_and_reason(field: str, value: object, said: str) -> None:
    message = reason(**{field: value})
    assert message.startswith(field)
    assert said in message
    message.encode()  # can be printed and kept as UTF-8


def test_every_wrong_field_is_named_at_once() -> None:
    message = reason(url="x", language="!")
    assert "url: " in message
    assert "language: " in message


def test_long_value_is_shortened_in_the_message() -> None:
    assert len(reason(url="x" * 10_000)) < 300


def test_body_over_the_limit_is_refused() -> None:
    assert "at most" in reason(body="x" * 2_000_001)


def test_schema_allows_what_is_taken_for_none() -> None:
    required = {"id", "title", "body"}
    for name, of_field in Article.model_json_schema()["properties"].items():
        texts = [kind for kind in of_field.get("anyOf", []) if kind["type"] == "string"]
        assert name in required or all(kind.get("minLength", 0) == 0 for kind in texts), name


def test_null_and_empty_optional_fields_are_none() -> None:
    article, _ = read_article(PLAIN | {"url": "", "section": None, "published": " ", "language": ""})
    assert [article.url, article.section, article.published, article.language] == [None] * 4


def test_unknown_keys_are_told_and_left_out() -> None:
    article, unknown = read_article(PLAIN | {"page_type": "guide", "kind": 1})
    assert unknown == ["page_type", "kind"]
    assert not hasattr(article, "page_type")


def test_control_characters_and_stray_space_go() -> None:
    article, _ = read_article({"id": "a", "title": " Two\x00 \n words ", "body": "a\x07b\n\nc "})
    assert (article.title, article.body) == ("Two words", "a b\n\nc")


def test_language_tags_begin_in_lower_case_and_have_hyphens() -> None:
    assert read_article(PLAIN | {"language": "PT-BR"})[0].language == "pt-BR"
    assert read_article(PLAIN | {"language": "en_GB"})[0].language == "en-GB"


def test_spaces_behind_the_host_of_an_address_are_quoted() -> None:
    article, _ = read_article(PLAIN | {"url": " https://a.example/a boat ", "image": "https://a.example?a b"})
    assert (article.url, article.image) == ("https://a.example/a%20boat", "https://a.example?a%20b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2025-07-21", "2025-07-21T00:00:00Z"),
        ("2025-07-21T06:30:00Z", "2025-07-21T06:30:00Z"),
        ("2025-07-21T06:30:00+02:00", "2025-07-21T04:30:00Z"),
        ("2025-07-21 06:30", "2025-07-21T06:30:00Z"),
    ],
)
def test_times_are_read_as_utc(text: str, said: str) -> None:
    assert format_time(parse_time(text)) == said


def test_time_given_as_such_is_kept() -> None:
    moment = datetime(2025, 7, 21, tzinfo=UTC)
    assert parse_time(moment) is moment or parse_time(moment) == moment


def test_moment_of_another_librarys_kind_becomes_a_plain_one() -> None:
    class Finer(datetime):
        """A moment to the nanosecond, as pandas has them."""

    given = Finer(2025, 7, 21, 6, 30, 0, 123456, timezone(timedelta(hours=2)))
    moment = parse_time(given)
    assert moment == given
    assert type(moment) is datetime
    assert moment.tzinfo is UTC


def test_names_are_joined_as_far_as_a_label_goes() -> None:
    assert join_names(["Ada", None, "", "Ben"]) == "Ada, Ben"
    assert join_names([None]) is None
    assert join_names(["a" * 99, "b" * 99]) == f"{'a' * 99}, {'b' * 99}"
    assert join_names(["a" * 99, "b" * 100]) == f"{'a' * 99}, …"
    assert join_names(["a" * 201]) == f"{'a' * 199}…"
    many = join_names(f"Reporter Number {number}" for number in range(30))
    assert read_article(PLAIN | {"author": many})[0].author == many


def test_pictures_in_several_widths_are_kept_in_one_form() -> None:
    given = "https://a.example/s,1.jpg  480w,\n https://a.example/l.jpg 2x"
    article, _ = read_article({"id": "a", "title": "T", "body": "", "image_srcset": given})
    assert article.image_srcset == "https://a.example/s,1.jpg 480w, https://a.example/l.jpg 2x"


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        ("", None),
        (" \n", None),
        ("word", 1),
        ("word " * 238 * 4, 4),
        ("潮" * 1_500, 3),  # scripts that part no words by spaces are counted by letters
        ("潮の " * 500 + "word " * 238, 3),
    ],
)
def test_reading_takes_minutes(body: str, minutes: int | None) -> None:
    assert reading_minutes(body) == minutes


def test_what_is_nested_too_deeply_to_be_written_down_is_refused_all_the_same() -> None:
    deep = orjson.loads("[" * 1_020 + "]" * 1_020)
    with pytest.raises(InvalidArticle, match=r"body: .*got a list, nested too deeply to be shown"):
        read_article({"id": "a", "title": "T", "body": deep})


@pytest.mark.parametrize("name", sorted(set(Article.model_fields) - {"tags", "editor_related"}))
def test_half_a_character_is_no_text_of_any_field(name: str) -> None:
    assert reason(**{name: "a\ud800"}).startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["url", "section", "summary", "published", "author", "language", "image", "access"])
def test_what_has_only_control_characters_is_not_there(name: str) -> None:
    article, _ = read_article({"id": "a", "title": "T", "body": "", name: " \0\x1f "})
    assert getattr(article, name) is None


def test_what_utf_8_cannot_hold_is_printable() -> None:
    assert printable("caf\udce9 – ü") == "caf\\udce9 – ü"


@pytest.mark.parametrize(
    ("address", "web"),
    [("https://a.example/s", True), ("HTTP://a.example", True), ("//a.example", False), ("ftp://a.example", False)],
)
def test_addresses_on_the_web_are_known_by_their_scheme(address: str, web: bool) -> None:
    assert is_web(address) is web
    assert not is_web(address.encode())
