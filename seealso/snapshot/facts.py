"""Articles -> what filters and rules look at, by row, and the labels that its numbers stand for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seealso.article import Article
from seealso.snapshot.files import FACT_ROW, NO_TIME


class Facts(NamedTuple):
    """What is known of articles: `rows` are files.FACT_ROW; `sections` and `languages`, what its numbers stand for."""

    rows: NDArray[Any]
    sections: tuple[str, ...]
    languages: tuple[str, ...]


def facts_of(articles: Sequence[Article], stories: NDArray[np.int32], eventful: NDArray[np.float32]) -> Facts:
    """Return the facts of articles; `stories` and `eventful`: by article, as in files.FACT_ROW."""
    sections = sorted({article.section for article in articles if article.section})
    languages = sorted({article.language for article in articles if article.language})
    section_number = {section: number for number, section in enumerate(sections)}
    language_number = {language: number for number, language in enumerate(languages)}
    rows = np.zeros(len(articles), FACT_ROW)
    rows["published"] = [int(each.published.timestamp()) if each.published else NO_TIME for each in articles]
    rows["section"] = [section_number.get(article.section or "", -1) for article in articles]
    rows["language"] = [language_number.get(article.language or "", -1) for article in articles]
    rows["story"], rows["eventful"] = stories, eventful
    rows["sponsored"] = [bool(article.sponsored) for article in articles]
    rows["sensitive"] = [bool(article.sensitive) for article in articles]
    return Facts(rows, tuple(sections), tuple(languages))
