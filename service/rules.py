"""What may be shown: sponsored and sensitive articles never, and only what was asked for. Masks over rows."""

from collections.abc import Callable

import numpy as np

from seealso.lexical import Mask, Rows
from seealso.snapshot.files import NO_TIME
from seealso.snapshot.reader import Snapshot
from service.wanted import Wanted


class Admission:
    """Which rows may be shown, by the rules and by what was asked for."""

    def __init__(self, snapshot: Snapshot, wanted: Wanted, own_row: int | None) -> None:
        self._facts = snapshot.facts
        self._wanted = wanted
        self._sections = _numbers(snapshot.sections, wanted.sections, str.__eq__)
        self._languages = _numbers(snapshot.languages, wanted.languages, _speaks)
        excluded = (snapshot.row_of(article_id) for article_id in wanted.exclude)
        self._excluded = [row for row in (own_row, *excluded) if row is not None]
        known = own_row is not None and wanted.stories == "one"
        self._own_story = int(snapshot.facts["story"][own_row]) if known else None

    def of(self, rows: Rows | slice) -> Mask:
        """Return for each of some rows whether it may be shown."""
        facts = self._facts[rows]
        passed = ~(facts["sponsored"] | facts["sensitive"])
        if self._own_story is not None:
            passed &= facts["story"] != self._own_story
        if self._sections is not None:
            passed &= np.isin(facts["section"], self._sections)
        if self._languages is not None:
            passed &= np.isin(facts["language"], self._languages)
        after, before = self._wanted.published_after, self._wanted.published_before
        if after is not None or before is not None:
            passed &= facts["published"] != NO_TIME
        if after is not None:
            passed &= facts["published"] >= after.timestamp()
        if before is not None:
            passed &= facts["published"] <= before.timestamp()
        if isinstance(rows, slice):
            passed[self._excluded] = False
        else:
            for row in self._excluded:
                passed &= rows != row
        mask: Mask = passed
        return mask


def _speaks(tag: str, language: str) -> bool:
    """Return whether a language tag is of a language or of one of its regions."""
    return tag == language or tag.startswith(f"{language}-")


def _numbers(labels: tuple[str, ...], asked: tuple[str, ...], fits: Callable[[str, str], bool]) -> list[int] | None:
    """Return the numbers of the labels that fit one of those asked for, None if none was asked for."""
    if not asked:
        return None
    wanted = [each.casefold() for each in asked]
    return [number for number, label in enumerate(labels) if any(fits(label.casefold(), each) for each in wanted)]
