"""What may be asked over HTTP: each query string and each JSON body as a model, with its limits.

The reference of the API is made from it. How a request becomes one of these is not its business (`reading`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from seealso.article import ID_CHARACTERS_MAX, Article, ArticleId, Language, Moment, clean_line, folded, shortened
from seealso.editorial.clicks import By
from seealso.editorial.decisions import now
from seealso.editorial.keys import NAME_CHARACTERS_MAX, Scope
from seealso.editorial.purges import State as PurgeState
from seealso.editorial.rules import NUMBER_MAX, Action, Wish
from seealso.errors import InvalidRequest
from seealso.project import BlockEntry, Placement
from service.api.reading import said_of
from service.block.look import HEADING_MAX, HEADING_MIN, Layout, Look, Theme
from service.texts import TEXT_CHARACTERS_MAX
from service.wanted import LIMIT_DEFAULT, LIMIT_MAX, Mode, Stories, Wanted

# A block takes some 0.2 ms where nothing has to be searched for: so many hold a thread for a tenth of a second.
ARTICLES_MAX = 500
# A long page with all that it links to.
SHOWN_MAX = 200
BLOCKS_MAX = 20
# Some 3 passages each: as many take two cores some seconds.
IMPORTED_MAX = 50
REASON_CHARACTERS_MAX = 1_000
CHANGES_MAX = 1_000
# The greatest number that a database gives to a change, a rule, or a message.
SEQUENCE_MAX = 2**63 - 1
# More decisions on one block are no errand of a person.
PLAN_MAX = 100
# As `navigator.sendBeacon` sends a text, which another site may do without asking first (no CORS preflight).
BEACON_TYPES = ("application/json", "text/plain")
_ARTICLE_ID: TypeAdapter[str] = TypeAdapter(ArticleId)


def read_day(text: object) -> date:
    """Return the day that a text is. Raises ValueError."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ValueError("must be a day such as 2026-11-28") from None


def checked_text(text: str) -> str:
    """Return a text that may be kept. Raises ValueError for one with a NUL, which no text has, nor PostgreSQL keeps."""
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _said(text: str) -> str:
    """Return a text that has been cleaned. Raises ValueError if nothing of it is left."""
    if not text:
        raise ValueError("must not be blank")
    return text


_Text = Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX), AfterValidator(checked_text)]
# Cleaned as those of articles are, so that they may be the same.
_Label = Annotated[
    str,
    Field(min_length=1, max_length=200),
    AfterValidator(checked_text),
    AfterValidator(clean_line),
    AfterValidator(_said),
]
_Id = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX), AfterValidator(checked_text)]
_Reason = Annotated[
    str,
    Field(max_length=REASON_CHARACTERS_MAX, description="why, in words; the log of changes keeps it"),
    AfterValidator(clean_line),
    AfterValidator(_said),
]
_Day = Annotated[date, BeforeValidator(read_day)]
_Sequence = Annotated[int, Field(ge=1, le=SEQUENCE_MAX)]
_Team = Literal["", "a", "b"]
_Time = Annotated[Moment, WithJsonSchema({"type": "string", "examples": ["2025-07-21", "2025-07-21T06:30:00Z"]})]


class Filters(BaseModel):
    """What a block may hold."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX, description="at most so many articles")] = LIMIT_DEFAULT
    section: Annotated[list[_Label], Field(max_length=50, description="only articles of these sections")] = []
    exclude: Annotated[list[_Id], Field(max_length=200, description="never the articles with these ids")] = []
    published_after: Annotated[_Time | None, Field(description="only articles published at this moment or later")] = (
        None
    )
    published_before: Annotated[
        _Time | None, Field(description="only articles published at this moment or earlier")
    ] = None
    language: Annotated[list[Language], Field(max_length=50, description="only articles in these languages")] = []
    mode: Annotated[
        Mode,
        Field(
            description="'background' has no preference for age, 'latest' prefers new pieces, 'evergreen' puts "
            "reports of past events lower, and pieces of this season higher"
        ),
    ] = "background"
    min_probability: Annotated[
        float | None,
        Field(ge=0, le=1, allow_inf_nan=False, description="nothing below this; the recipe's, if not said"),
    ] = None
    stories: Annotated[
        Stories, Field(description="'one' of each story and none of the article's own, or 'all' that tell it")
    ] = "one"

    placement: Annotated[
        str | None,
        Field(
            max_length=64, description="a place on the website: what seealso.toml says of it, where this says nothing"
        ),
    ] = None

    def wanted(self, placements: Mapping[str, Placement]) -> Wanted:
        """Return the same as the rules take it; requests that mean the same are equal.

        Raises InvalidRequest if no placement has the name.
        """
        given = self._placed(placements)
        return Wanted(
            limit=given.limit,
            sections=tuple(sorted({folded(section) for section in given.section})),
            exclude=tuple(sorted(set(given.exclude))),
            published_after=given.published_after,
            published_before=given.published_before,
            languages=tuple(sorted({language.casefold() for language in given.language})),
            mode=given.mode,
            min_probability=given.min_probability,
            stories=given.stories,
        )

    def _placed(self, placements: Mapping[str, Placement]) -> Self:
        """Return the request with what its placement says where it says nothing itself."""
        if self.placement is None:
            return self
        placement = placements.get(self.placement)
        if placement is None:
            known = f"known are {', '.join(sorted(placements))}" if placements else "seealso.toml names none"
            raise InvalidRequest("placement", f"there is no placement {shortened(self.placement)}; {known}")
        said = placement.model_dump(exclude_unset=True)
        said |= {
            one: said.pop(many) for many, one in (("sections", "section"), ("languages", "language")) if many in said
        }
        asked = set(type(self).model_fields) - self.model_fields_set  # looks are not asked for where JSON is
        return self.model_copy(update={name: value for name, value in said.items() if name in asked})


class BlockQuery(Filters):
    """The query of a block as HTML. Of its looks, what it does not say, the placement or the website says."""

    layout: Annotated[Layout | None, Field(description="how the cards stand; 'list' if nobody says")] = None
    heading: Annotated[
        int | None,
        Field(ge=HEADING_MIN, le=HEADING_MAX, description="the level of the block's heading; cards have the next"),
    ] = None
    images: Annotated[
        bool | None,
        Field(description="whether cards have pictures; if not said: if one has its own, its section's or the site's"),
    ] = None
    theme: Annotated[Theme | None, Field(description="'auto' goes with the page")] = None
    lang: Annotated[Language | None, Field(description="of labels and dates; if not said, the article's")] = None
    json_ld: Annotated[bool | None, Field(description="whether the links are listed as JSON-LD too; 1 if not said")] = (
        None
    )

    def look(self, placements: Mapping[str, Placement], block: BlockEntry) -> Look:
        """Return how the block looks. Raises InvalidRequest if no placement has the name."""
        return Look.of(dict(self._placed(placements)), dict(block))


class RelatedQuery(Filters):
    """The query of a block as JSON."""

    explain: Annotated[bool, Field(description="say why each article is there")] = False

    def wanted(self, placements: Mapping[str, Placement]) -> Wanted:
        """Return the same as the rules take it."""
        return replace(super().wanted(placements), explain=self.explain)


class SimilarBody(RelatedQuery):
    """A text to find related articles for: `text`, or `title` and `body`."""

    text: Annotated[_Text | None, Field(description="the text, pasted; a short first line is its title")] = None
    title: Annotated[_Text | None, Field(description="the title, if it is known apart")] = None
    body: Annotated[_Text | None, Field(description="the text below the title")] = None

    @model_validator(mode="after")
    def _one_text(self) -> "SimilarBody":
        if (self.text is None) == (self.title is None and self.body is None):
            raise ValueError("send either 'text', or 'title' and 'body'")
        return self


class BatchBody(RelatedQuery):
    """The articles whose blocks are wanted, and what each block may hold."""

    articles: Annotated[
        list[_Id], Field(min_length=1, max_length=ARTICLES_MAX, description="the ids of the articles, each once")
    ]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _check_each_once("articles", "id", self.articles)
        return self


class PageBlock(RelatedQuery):
    """One of the blocks of a page."""

    name: Annotated[
        str, Field(min_length=1, max_length=200, description="what the answer calls it"), AfterValidator(checked_text)
    ]
    stories: Annotated[
        Literal["one"], Field(description="a page shows one of each story, whatever a placement says")
    ] = "one"


class PageBody(BaseModel):
    """A page: the article that is open, what stands there already, and the blocks to be filled, in their order."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    article: Annotated[_Id, Field(description="the id of the article that is open")]
    shown: Annotated[
        list[_Id],
        Field(max_length=SHOWN_MAX, description="what the page shows already; ids that are not in the index are fine"),
    ] = []
    blocks: Annotated[
        list[PageBlock], Field(min_length=1, max_length=BLOCKS_MAX, description="an earlier one takes first")
    ]

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        _check_each_once("blocks", "name", [block.name for block in self.blocks])
        return self

    def wanted(self, placements: Mapping[str, Placement]) -> list[Wanted]:
        """Return what each block may hold, as the rules take it. Raises InvalidRequest if no placement has a name."""
        return [self._wanted_of(number, placements) for number in range(len(self.blocks))]

    def _wanted_of(self, number: int, placements: Mapping[str, Placement]) -> Wanted:
        try:
            return self.blocks[number].wanted(placements)
        except InvalidRequest as error:
            raise InvalidRequest("blocks", f"{said_of([number, error.field])}{error.reason}") from None


class ReasonQuery(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    reason: _Reason


class TakedownBody(BaseModel):
    """Why an article may not be shown, and until when."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    reason: _Reason
    until: Annotated[
        _Time | None, Field(description="it is shown again from then on; null: not before somebody restores it")
    ] = None


class Under(BaseModel):
    """Whose blocks a rule is for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    article: _Id | None = None
    section: _Label | None = None


class About(BaseModel):
    """What a rule is about: one of these."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    article: _Id | None = None
    section: _Label | None = None
    tag: _Label | None = None
    word: Annotated[_Label | None, Field(description="a word, or some in a row, of a title")] = None


class WishBody(BaseModel):
    """What an editor wants of blocks."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    action: Action
    under: Annotated[Under | None, Field(description="an article or a section; null: all blocks")] = None
    about: Annotated[About | None, Field(description="an article, a section, a tag or a word")] = None
    number: Annotated[
        int | None, Field(ge=1, le=NUMBER_MAX, description="the place of a pin; how many evergreen pieces at least")
    ] = None
    until: Annotated[_Time | None, Field(description="it holds until then; null: until it is undone")] = None

    def wish(self) -> Wish:
        """Return what is wanted, not yet checked."""
        under, about = self.under or Under(), self.about or About()
        return Wish(
            action=self.action,
            under_article=under.article,
            under_section=under.section,
            article=about.article,
            section=about.section,
            tag=about.tag,
            word=about.word,
            number=self.number,
        )


class RuleBody(WishBody):
    """What an editor wants of blocks, and why."""

    reason: _Reason


class PlanBody(BaseModel):
    """Decisions on a block that belong together: rules to be made, and rules to be undone; none is made alone."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    make: Annotated[list[WishBody], Field(max_length=PLAN_MAX)] = []
    undo: Annotated[list[_Sequence], Field(max_length=PLAN_MAX, description="ids of rules")] = []
    reason: Annotated[_Reason | None, Field(description="why; null: nothing is said")] = None
    mode: Mode = "background"
    placement: Annotated[
        str | None, Field(max_length=64, description="whose block is shown; null: that of the mode, of no placement")
    ] = None


class UndoBody(BaseModel):
    """Changes to be undone together, the last first."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    changes: Annotated[list[_Sequence], Field(min_length=1, max_length=2 * PLAN_MAX)]


class RulesQuery(BaseModel):
    """Which rules are asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    article: Annotated[_Id | None, Field(description="those that name it: for its block, or about it")] = None
    section: Annotated[_Label | None, Field(description="those for its blocks, and about it")] = None


class ChangesQuery(BaseModel):
    """Which changes are asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    subject: Annotated[_Id | None, Field(description="of this article, rule or key")] = None
    after: Annotated[int, Field(ge=0, description="only those after this one")] = 0
    limit: Annotated[int, Field(ge=1, le=CHANGES_MAX, description="at most so many")] = 100


class KeyBody(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[
        str,
        Field(max_length=NAME_CHARACTERS_MAX, description="whose it is: a person or a program, as the log will say"),
        AfterValidator(clean_line),
        AfterValidator(_said),
    ]
    scope: Annotated[Scope, Field(description="what it opens")]
    expires: Annotated[_Time | None, Field(description="it opens nothing from then on; null: it does not end")] = None


class ReasonBody(ReasonQuery):
    """Why something is done."""


class PurgesQuery(BaseModel):
    """Which messages to caches are asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    state: Annotated[PurgeState | None, Field(description="'waiting', 'done', or 'given-up'")] = None
    limit: Annotated[int, Field(ge=1, le=CHANGES_MAX, description="at most so many")] = 100


class ArticleBody(Article):
    """An article as it is from now on, whole: what is left out it does not have. The id is that of the address."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Annotated[ArticleId | None, Field(description="if it is sent, that of the address")] = None  # type: ignore[assignment]

    def article(self, article_id: str) -> Article:
        """Return the article. Raises InvalidRequest if it has another id."""
        if self.id is not None and self.id != article_id:
            raise InvalidRequest("id", f"is not that of the address (got {shortened(self.id)})")
        return Article.model_construct(**{**dict(self), "id": checked_id(article_id)})


class ImportBody(BaseModel):
    """Articles as they are from now on, each whole."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    articles: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=IMPORTED_MAX)]


class Click(BaseModel):
    """An item that was clicked, and at which place of the block it stood, from 1 on."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    item: _Id
    slot: Annotated[int, Field(ge=1, le=LIMIT_MAX)]
    team: Annotated[_Team | None, Field(description="the item's; '' where the block has no teams")] = None


class BlockEvents(BaseModel):
    """What a page showed of a block, in its order, and what was clicked there."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    article: Annotated[_Id, Field(description="the article that is open")]
    block: Annotated[
        str,
        Field(max_length=64, description="which block of the page, if there are several"),
        AfterValidator(clean_line),  # a NUL is more than PostgreSQL keeps
    ] = ""
    shown: Annotated[list[_Id], Field(max_length=LIMIT_MAX, description="the ids of its items, in their order")] = []
    clicked: Annotated[list[Click], Field(max_length=LIMIT_MAX, description="the items that were clicked")] = []
    teams: Annotated[
        list[_Team] | None,
        Field(max_length=LIMIT_MAX, description="while a trial runs: the teams of what is shown, in its order"),
    ] = None

    slots: Annotated[
        list[Annotated[int, Field(ge=1, le=LIMIT_MAX)]] | None,
        Field(max_length=LIMIT_MAX, description="the places of what is shown; 1, 2, 3 and so on where it says nothing"),
    ] = None

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        for name in ("teams", "slots"):
            said = getattr(self, name)
            if said is not None and len(said) != len(self.shown):
                raise ValueError(f"'{name}' must have one for each of 'shown'")
        return self

    @property
    def length(self) -> int:
        """Return how many events they are."""
        return len(self.shown) + len(self.clicked)


class EventsBody(BaseModel):
    """What was counted of a page's blocks since it last told."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    media_types: ClassVar[tuple[str, ...]] = BEACON_TYPES

    blocks: Annotated[list[BlockEvents], Field(min_length=1, max_length=BLOCKS_MAX)]

    @property
    def length(self) -> int:
        """Return how many events they are."""
        return sum(block.length for block in self.blocks)


class DaysQuery(BaseModel):
    """Of which days something is asked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    first: Annotated[_Day | None, Field(description="the first day, as 2026-11-28")] = None
    last: Annotated[_Day | None, Field(description="the last day")] = None


class ClicksQuery(DaysQuery):
    """Which counts are asked for, and how they are added up."""

    by: Annotated[By, Field(description="what they are added up by")] = "item"
    article: Annotated[_Id | None, Field(description="only in the blocks of this article")] = None
    item: Annotated[_Id | None, Field(description="only this item")] = None
    limit: Annotated[int, Field(ge=1, le=CHANGES_MAX, description="at most so many")] = 100


def checked_end(until: datetime | None, field: str = "until") -> datetime | None:
    """Return when something shall end. Raises InvalidRequest if that is over."""
    if until is not None and until <= now():
        raise InvalidRequest(field, f"is over (got {until.isoformat()}); leave it out for no end")
    return until


def checked_id(article_id: str, field: str = "article") -> str:
    """Return the id of an article. Raises InvalidRequest, at the part where it stands, if no article could have it."""
    try:
        return _ARTICLE_ID.validate_python(article_id)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InvalidRequest(field, f"{message[0].lower()}{message[1:]} (got {shortened(article_id)})") from None


def _check_each_once(field: str, what: str, values: list[str]) -> None:
    """Raise InvalidRequest at the first repeat. It is no ValueError, and passes through pydantic as it is."""
    first: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        if first.setdefault(value, number) != number:
            repeated = f"repeats the {what} of item {first[value]} ({shortened(value)})"
            raise InvalidRequest(field, f"item {number} {repeated}; send each once")
