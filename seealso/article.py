"""Article: one published piece, as a source gives it.

In: a mapping from a source line or a page. Out: a checked, frozen Article, or InvalidArticle with the reason.
It does not know where the article came from or what becomes of it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

ID_CHARACTERS_MAX = 200
LABEL_CHARACTERS_MAX = 200
TITLE_CHARACTERS_MAX = 1_000
SUMMARY_CHARACTERS_MAX = 10_000
# Some 300,000 words. What is longer is a data dump or a broken export, and would hold up a night's batch alone.
BODY_CHARACTERS_MAX = 2_000_000
ITEMS_MAX = 500
URL_CHARACTERS_MAX = 2_048
SRCSET_CHARACTERS_MAX = 10_000
PIXELS_MAX = 100_000
# How fast people read in silence: words of English non-fiction (Brysbaert 2019), and letters of scripts that part no
# words by spaces, as most sites that say it take them.
WORDS_A_MINUTE = 238
LETTERS_A_MINUTE = 500
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")

_PICTURE = frozenset({"image", "image_alt", "image_width", "image_height", "image_srcset"})
_WEB_URL = re.compile(r"https?://[^\s/?#@\\]+[^\s\\]*", re.IGNORECASE)
# Up to where an address may have a space that its author did not quote: behind the host.
_WEB_HOST = re.compile(r"https?://[^\s/?#@\\]+(?=[/?#])", re.IGNORECASE)
# A picture in one of its widths (640w) or densities (2x), as HTML's srcset has it.
_SRCSET_PART = re.compile(r"(\S+) ([1-9][0-9]{0,5}w|[0-9]{1,2}(\.[0-9]{1,2})?x)")
# Thai, Lao, Burmese and Khmer; kana and Han.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# Everything below the space but tab, line feed and carriage return; and DEL.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class InvalidArticle(ValueError):
    """An article that cannot be taken in; the message names each wrong field (in `fields`), the fault and the value."""

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


def _clean_text(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def _clean_optional(text: str | None) -> str | None:
    return None if text is None else _clean_text(text)


def clean_line(text: str) -> str:
    """Return a text as one line: no control characters, white space as single spaces."""
    return " ".join(_clean_text(text).split())


def folded(text: str) -> str:
    """Return a text as labels, tags, names and words are compared: whatever the case, and however marks are written.

    'é' may be one character or two. This is canonical caseless matching (Unicode, D145), composed again.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def join_names(names: Iterable[str | None]) -> str | None:
    """Return names as one label, parted by commas: as many as there is room for, then '…'; None for none."""
    joined = ", ".join(name for name in names if name)
    if len(joined) <= LABEL_CHARACTERS_MAX:
        return joined or None
    whole, comma, cut = joined[: LABEL_CHARACTERS_MAX - 1].rpartition(", ")
    return f"{whole}{comma or cut}…"


def _filled(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _checked_id(article_id: str) -> str:
    if not article_id.isprintable():
        raise ValueError("must consist of printable characters")
    if article_id != article_id.strip():
        raise ValueError("must not begin or end with a space")
    if article_id.endswith(("/related", "/related.html")):
        raise ValueError("must not end in '/related' or '/related.html', which name its block over HTTP")
    return article_id


def _checked_url(url: str) -> str:
    url = url.strip()
    if host := _WEB_HOST.match(url):
        url = host[0] + url[host.end() :].replace(" ", "%20")
    if not _WEB_URL.fullmatch(url):
        raise ValueError("must be an absolute http:// or https:// address")
    return url


def _checked_srcset(srcset: str) -> str:
    parts = [" ".join(part.split()) for part in re.split(r",\s+", srcset)]
    for part in parts:
        match = _SRCSET_PART.fullmatch(part)
        if match is None or not _WEB_URL.fullmatch(match[1]):
            raise ValueError(
                "must be absolute addresses with widths or densities, as 'https://a.example/s.jpg 480w, "
                "https://a.example/l.jpg 960w'"
            )
    return ", ".join(parts)


def _checked_language(language: str) -> str:
    language = language.replace("_", "-")  # as locales have it: en_GB
    if not LANGUAGE_TAG.fullmatch(language):
        raise ValueError("must be a BCP 47 tag such as 'en' or 'pt-BR'")
    primary, *rest = language.split("-")
    return "-".join([primary.lower(), *rest])


def primary_language(tag: str | None) -> str:
    """Return the language of a BCP 47 tag without its region, in lower case: 'pt' of 'pt-BR'; '' for None."""
    return (tag or "").casefold().split("-")[0]


def reading_minutes(body: str) -> int | None:
    """Return how many minutes a text takes to be read, at least 1; None for no text."""
    letters = 0 if body.isascii() else len(_UNSPACED.findall(body))
    words = len(_UNSPACED.sub(" ", body).split() if letters else body.split())
    return max(1, round(words / WORDS_A_MINUTE + letters / LETTERS_A_MINUTE)) if words or letters else None


def parse_time(value: object) -> datetime:
    """Return the moment an ISO 8601 text names, in UTC; a text without an offset is taken as UTC.

    A moment of another library's kind becomes a plain one, to the microsecond. Raises ValueError for anything else,
    numbers included.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                "must be an ISO 8601 date or time such as '2025-07-21' or '2025-07-21T06:30:00Z'"
            ) from None
    else:
        raise ValueError("must be a text with an ISO 8601 date or time")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None
    return datetime.combine(moment.date(), moment.time(), UTC)


def format_time(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601 with a final Z, to the second."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _empty_as_none(value: object) -> object:
    return None if isinstance(value, str) and not _clean_text(value) else value


ArticleId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX), AfterValidator(_checked_id)]
WebUrl = Annotated[str, Field(max_length=URL_CHARACTERS_MAX), AfterValidator(_checked_url)]
Moment = Annotated[datetime, BeforeValidator(parse_time)]
Language = Annotated[str, Field(max_length=35), AfterValidator(_checked_language)]
# Without a limit, pydantic takes a text as it is, a lone surrogate too.
_Line = Annotated[str, Field(max_length=BODY_CHARACTERS_MAX), AfterValidator(clean_line)]
_Label = Annotated[str, Field(max_length=LABEL_CHARACTERS_MAX), AfterValidator(clean_line)]


class Article(BaseModel):
    """One published piece. Times are UTC; texts have no control characters; a language's first part is lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: ArticleId
    title: Annotated[str, Field(max_length=TITLE_CHARACTERS_MAX), AfterValidator(clean_line), AfterValidator(_filled)]
    body: Annotated[str, Field(max_length=BODY_CHARACTERS_MAX), AfterValidator(_clean_text)]
    url: Annotated[WebUrl | None, BeforeValidator(_empty_as_none)] = None
    section: Annotated[_Label | None, BeforeValidator(_empty_as_none)] = None
    summary: Annotated[
        Annotated[_Line, Field(max_length=SUMMARY_CHARACTERS_MAX)] | None, BeforeValidator(_empty_as_none)
    ] = None
    published: Annotated[Moment | None, BeforeValidator(_empty_as_none)] = None
    updated: Annotated[Moment | None, BeforeValidator(_empty_as_none)] = None
    author: Annotated[_Label | None, BeforeValidator(_empty_as_none)] = None
    tags: Annotated[list[_Label] | None, Field(max_length=ITEMS_MAX)] = None
    language: Annotated[Language | None, BeforeValidator(_empty_as_none)] = None
    image: Annotated[WebUrl | None, BeforeValidator(_empty_as_none)] = None
    image_alt: Annotated[
        Annotated[_Line, Field(max_length=TITLE_CHARACTERS_MAX)] | None, BeforeValidator(_empty_as_none)
    ] = None
    image_width: Annotated[int | None, Field(ge=1, le=PIXELS_MAX)] = None
    image_height: Annotated[int | None, Field(ge=1, le=PIXELS_MAX)] = None
    image_srcset: Annotated[
        Annotated[str, Field(max_length=SRCSET_CHARACTERS_MAX), AfterValidator(_checked_srcset)] | None,
        BeforeValidator(_empty_as_none),
    ] = None
    editor_related: Annotated[list[ArticleId] | None, Field(max_length=ITEMS_MAX)] = None
    access: Annotated[_Label | None, BeforeValidator(_empty_as_none)] = None
    sponsored: bool | None = None
    sensitive: bool | None = None
    canonical: Annotated[
        ArticleId | None,
        BeforeValidator(_empty_as_none),
        WithJsonSchema({"anyOf": [{"type": "string", "maxLength": ID_CHARACTERS_MAX}, {"type": "null"}]}),
    ] = None
    # What stood on its page and is no text of it: editors may look at it, nothing is compared by it.
    cut_away: Annotated[str | None, Field(max_length=BODY_CHARACTERS_MAX), AfterValidator(_clean_optional)] = None

    @property
    def text(self) -> str:
        """What is embedded below the title: the summary, then the body, parted by an empty line."""
        if self.summary and not self.body.startswith(self.summary):
            return f"{self.summary}\n\n{self.body}" if self.body else self.summary
        return self.body


# Of what a text is embedded, and in which language.
EMBEDDED_FIELDS = ("title", "summary", "body", "language")


def read_article(fields: Mapping[str, Any]) -> tuple[Article, list[str]]:
    """Return the checked article and the names of the keys that are not part of one.

    Raises InvalidArticle, whose message names every wrong field, the reason, and the value (shortened).
    """
    try:
        article = Article.model_validate(fields)
    except ValidationError as error:
        wrong = tuple(str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"])
        raise InvalidArticle("; ".join(_reasons(error)), wrong) from None
    return article, [key for key in fields if key not in Article.model_fields]


def read_foreign_article(fields: Mapping[str, Any]) -> tuple[Article, list[str]]:
    """Return what `read_article` does, of fields as another system has them: a picture that is none costs itself alone.

    What is left out of it is named beside the keys that are not part of an article.
    """
    try:
        return read_article(fields)
    except InvalidArticle as error:
        wrong = _PICTURE if "image" in error.fields else _PICTURE & set(error.fields)
        if not wrong:
            raise
    article, unknown = read_article({name: value for name, value in fields.items() if name not in wrong})
    return article, [*unknown, *(f"{name} (none that can be used)" for name in fields if name in wrong)]


def _reasons(error: ValidationError) -> list[str]:
    reasons = []
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"]) or "article"
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            reasons.append(f"{field}: is missing")
        else:
            reasons.append(f"{field}: {message[0].lower()}{message[1:]} (got {shortened(detail['input'])})")
    return reasons


def shortened(value: object, characters_max: int = 60) -> str:
    """Return a printable form of any value, cut to a length that fits a message."""
    try:
        form = repr(value if not isinstance(value, str) else value[: characters_max + 1])
    except RecursionError:  # orjson reads deeper than Python writes
        form = f"a {type(value).__name__}, nested too deeply to be shown"
    form = printable(form)
    return form if len(form) <= characters_max else form[: characters_max - 1] + "…"


def printable(text: str) -> str:
    """Return a text that can be written as UTF-8: a file's name, or what a caller sends, may hold what cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def is_web(address: object) -> bool:
    """Return whether an address is one that a page may load from or lead to."""
    return isinstance(address, str) and address.lower().startswith(("http://", "https://"))
