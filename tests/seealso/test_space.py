from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seealso.snapshot.reader import open_current
from seealso.space import ARTICLES_ASSUMED, PASSAGES_ASSUMED, PassageVectors, fit_space
from tests.makers import DIMENSION, HashEncoder, article, index_of

NOTHING = np.eye(DIMENSION, dtype=np.float32)


def unit(vectors: NDArray[np.float64]) -> PassageVectors:
    made: PassageVectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    return made


def test_article_vector_is_the_mean_of_its_passages() -> None:
    passages = HashEncoder().encode(["one", "two", "three"]).astype(np.float16)
    counts = np.array([1, 2])
    space = fit_space(passages[:2], np.array([1, 1]), [None, None])  # nothing to learn from
    vectors = space.article_vectors(passages, counts, [None, None])
    mean = (passages[1].astype(float) + passages[2]) / 2
    np.testing.assert_allclose(vectors[0], passages[0], atol=1e-3)
    np.testing.assert_allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-3)


def test_what_varies_within_articles_is_shrunk() -> None:
    rng = np.random.default_rng(1)
    articles = np.repeat(rng.standard_normal((4_000, DIMENSION)), 3, axis=0)
    articles[:, 0] += 9 * rng.standard_normal(len(articles))  # the first direction tells passages apart, not articles
    articles[:, 1:] += 0.1 * rng.standard_normal((len(articles), DIMENSION - 1))
    matrix = fit_space(unit(articles), np.full(4_000, 3), [None] * 4_000).whitening
    assert matrix[0, 0] < 0.35 * matrix[1, 1]
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)


def test_whitening_needs_many_passages_to_be_trusted() -> None:
    passages = HashEncoder().encode([f"word{number}" for number in range(40)]).astype(np.float16)
    np.testing.assert_array_equal(fit_space(passages, np.ones(40, np.int64), [None] * 40).whitening, NOTHING)
    few = fit_space(passages, np.full(20, 2), [None] * 20).whitening
    assert np.abs(few / few[0, 0] - NOTHING).max() < 20 * DIMENSION / PASSAGES_ASSUMED


def made_of_two_languages(german: int) -> tuple[PassageVectors, list[str | None]]:
    """Return vectors of articles of which the last are German: the first direction is their language's."""
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((200, DIMENSION))
    vectors[200 - german :, 0] += 9
    return unit(vectors), [*["en", "en-GB"] * ((200 - german) // 2), *["de"] * german]


def test_language_is_taken_off_and_subjects_remain() -> None:
    passages, tags = made_of_two_languages(80)
    counts = np.ones(200, np.int64)
    space = fit_space(passages, counts, tags)
    assert space.languages == ("de", "en")
    vectors = space.article_vectors(passages, counts, tags)
    before = passages[120:].astype(float) @ passages[120:].T.astype(float)
    after = vectors[120:] @ vectors[120:].T
    assert before.mean() > 0.5
    across = vectors[:120] @ vectors[120:].T
    assert after.mean() < 0.6 * before.mean()
    assert abs(after.mean() - across.mean()) < 0.2  # being German is little reason any more


def test_text_of_unknown_language_is_placed_as_one_of_its_own() -> None:
    passages, tags = made_of_two_languages(80)
    counts = np.ones(200, np.int64)
    space = fit_space(passages, counts, tags)
    np.testing.assert_array_equal(
        space.article_vectors(passages[120:], counts[120:], [None] * 80),
        space.article_vectors(passages[120:], counts[120:], ["de-AT"] * 80),
    )
    unspoken = space.article_vectors(passages[:1], counts[:1], ["fr"])
    np.testing.assert_allclose(unspoken[0], passages[0].astype(float), atol=2e-3)


def test_language_of_one_article_keeps_most_of_what_it_is_about() -> None:
    passages, tags = made_of_two_languages(2)
    counts = np.ones(200, np.int64)
    space = fit_space(passages, counts, [*tags[:-1], "is"])
    own = space.article_vectors(passages[-1:], counts[-1:], ["is"])[0]
    assert own @ passages[-1].astype(np.float32) > 1 - 1 / ARTICLES_ASSUMED
    assert np.isfinite(own).all()


def test_snapshot_keeps_its_space(tmp_path: Path) -> None:
    pieces = [article(f"a{n}", body=f"text{n} moon", language="de" if n % 3 else "en") for n in range(9)]
    index_of(tmp_path, pieces)
    snapshot = open_current(tmp_path)
    assert snapshot.space.languages == ("de", "en")
    for row in range(len(snapshot)):
        vectors, _ = snapshot.passages_of(row)
        again = snapshot.space.article_vectors(
            vectors.astype(np.float16), np.array([len(vectors)]), [snapshot.languages[snapshot.facts["language"][row]]]
        )
        np.testing.assert_array_equal(again[0], snapshot.vectors.vector(row))
