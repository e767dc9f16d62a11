"""Two recipes tried on readers: the snapshot's (team a), and another (team b).

No reader is told apart, and a block is the same for all who view it. So either each article's block is of one team
(split), or both teams draft a block in turn, the first pick by lot (team-draft interleaving: Radlinski, Kurup and
Joachims 2008), another way under each article and each night.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from seealso.editorial.trials import Team
from seealso.project import Method
from seealso.project import Trial as TrialEntry
from seealso.snapshot.snapshot import Snapshot
from service.related import Footing, Item, related_to_article
from service.rulings import Ruling
from service.wanted import Wanted

_TEAMS: tuple[Team, Team] = ("a", "b")


class Trial:
    """A trial that runs. Safe from many threads."""

    def __init__(self, entry: TrialEntry) -> None:
        self.name = entry.name
        self.method: Method = entry.method
        self._changes = dict(entry.recipe)

    @property
    def changes(self) -> dict[str, float]:
        """Return the numbers of the recipe in which the other one differs."""
        return dict(self._changes)

    def __repr__(self) -> str:
        return f"{self.name} {self.method} {sorted(self._changes.items())}"

    def team_of(self, article_id: str) -> Team:
        """Return the team of an article's block, by a lot that is always the same."""
        return _TEAMS[next(_lots(f"{self.name} {article_id}"))]

    def counted_as(self, article_id: str, told: str | None) -> str:
        """Return the team that an item of an article's block counts for, '' for none.

        `told`: what the page says; None if it says nothing of teams, as it may where each article has one.
        """
        team = self.team_of(article_id) if told is None and self.method == "split" else told
        return f"{self.name}:{team}" if team in _TEAMS else ""

    def related(
        self,
        snapshot: Snapshot,
        row: int,
        wanted: Wanted,
        ruling: Ruling,
        met: Sequence[int] = (),
        footing: Footing | None = None,
    ) -> list[Item]:
        """Return the block of an article, each item with its team; without one where editors pinned something.

        `met` and `footing`: see `related_to_article`.
        """
        article_id = snapshot.article_id(row)
        if ruling.pins:
            return related_to_article(snapshot, row, wanted, met, ruling, None, footing)

        def of(team: Team) -> list[Item]:
            other = None if team == "a" else snapshot.recipe.model_copy(update=self._changes)
            return related_to_article(snapshot, row, wanted, met, ruling, other, footing)

        if self.method == "split":
            team = self.team_of(article_id)
            return [item._replace(team=team) for item in of(team)]
        blocks = {team: of(team) for team in _TEAMS}
        lots = _lots(f"{self.name} {article_id} {snapshot.id}")
        stories = {item.row: int(snapshot.facts["story"][item.row]) for block in blocks.values() for item in block}
        if wanted.stories == "all":
            stories = {row: row for row in stories}
        return _drafted(blocks["a"], blocks["b"], wanted.limit, lots, stories)


def _drafted(
    a: Sequence[Item], b: Sequence[Item], limit: int, lots: Iterator[int], stories: dict[int, int]
) -> list[Item]:
    """Return a block that both teams drafted: who has fewer picks is next, by lot where both have as many."""
    left = {"a": list(a), "b": list(b)}
    picks = {"a": 0, "b": 0}
    block: list[Item] = []
    told: set[int] = set()
    while len(block) < limit and (left["a"] or left["b"]):
        tied = picks["a"] == picks["b"]
        team = _TEAMS[next(lots)] if tied else ("a" if picks["a"] < picks["b"] else "b")
        if not left[team]:
            team = "b" if team == "a" else "a"
        item = left[team].pop(0)
        if stories[item.row] in told:
            continue
        told.add(stories[item.row])
        picks[team] += 1
        block.append(item._replace(team=team))
    return block


def _lots(text: str) -> Iterator[int]:
    """Yield zeros and ones, as if by chance, always the same for a text."""
    number = 0
    while True:
        for byte in blake2b(f"{number} {text}".encode()).digest():
            yield byte & 1
        number += 1
