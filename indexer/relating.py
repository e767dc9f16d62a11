"""Articles and the vectors of their passages -> how they are searched, their nearest, and stories.

Each stage is timed, and told of; what it does is in a file of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from indexer.embedding import Passages
from indexer.judging import describe_articles
from indexer.neighbours import Neighbours, find_neighbours
from indexer.progress import Reporter
from indexer.report import Report
from indexer.searching import choose_search, filters_of, missed
from indexer.stories import find_stories
from indexer.terms import build_terms
from seealso.arrays import Scores
from seealso.article import Article
from seealso.encoder import Vectors
from seealso.lexical import Terms
from seealso.recipe import Recipe
from seealso.snapshot.manifest import Searched
from seealso.snapshot.vectors import VectorIndex
from seealso.space import PassageVectors, Space, fit_space


@dataclass(frozen=True, slots=True)
class Related:
    """How the articles of a night are related.

    `vectors`: float32, articles x dimension, which `searchable` holds; `words`: how many all texts have; `shared`: see
    Neighbours.shared; `stories`: see find_stories.
    """

    space: Space
    vectors: Vectors
    searchable: VectorIndex
    terms: Terms
    words: int
    searched: Searched
    neighbours: Neighbours
    shared: Scores
    stories: NDArray[np.int32]


def relate(
    articles: Sequence[Article],
    passages: Passages,
    passage_vectors: PassageVectors,
    recipe: Recipe,
    report: Report,
    reporter: Reporter,
) -> Related:
    """Return how articles are related, by their words and by the vectors of their passages."""
    languages = [article.language for article in articles]
    # On several threads, sums round otherwise: the same articles would be another content on another machine.
    with report.timed("space"), threadpool_limits(1, user_api="blas"):
        space = fit_space(passage_vectors, passages.counts, languages)
        vectors = space.article_vectors(passage_vectors, passages.counts, languages)
    with report.timed("terms"):
        reporter.stage("Terms", len(articles), "articles")
        texts = ((article.title, article.text, article.language) for article in articles)
        terms, words = build_terms(texts, reporter.advance)
    with report.timed("search"), threadpool_limits(1, user_api="blas"):
        reporter.stage("Search", None, "")
        searchable, terms, searched = choose_search(VectorIndex.of(vectors), vectors, terms, filters_of(articles))
        report.searched = searched.model_dump()
        report.notices += missed(searched, len(articles))
    with report.timed("neighbours"):
        neighbours = find_neighbours(searchable, vectors, terms, recipe, reporter)
    with report.timed("stories"):
        shared = neighbours.shared(terms.articles.squares())
        reporter.stage("Stories", len(articles), "articles")
        stories = find_stories(articles, neighbours, shared, reporter.advance)
        describe_articles(articles, stories, report)
    return Related(space, vectors, searchable, terms, words, searched, neighbours, shared, stories)
