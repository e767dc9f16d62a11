"""N6: the same articles make the same content: twice, in any order, by 1 or 2 threads, at once or night after night."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from seealso.encoder import BUNDLED_MODEL
from tests.conftest import ROOT
from tests.figures import figure
from tests.night.run import Nights, write_lines

NEWSROOM = ROOT / "examples" / "newsroom"
# Some are cut, so that passages are of many lengths, and few enough to be embedded in seconds.
ARTICLES_A_SECTION = 2
CHARACTERS_MAX = 2_500


def newsroom_lines() -> list[dict[str, Any]]:
    """Return articles of the sample newsroom, of all its sections."""
    files = sorted(NEWSROOM.glob("*.jsonl"))
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()[:ARTICLES_A_SECTION]]
    return [line | {"body": line["body"][:CHARACTERS_MAX]} for line in lines]


@pytest.fixture(scope="module")
def nights_with() -> Iterator[Callable[[int], Nights]]:
    """A process with so many threads, begun when it is first asked for; it loads the model once."""
    with ExitStack() as running:

        @cache
        def nights(threads: int) -> Nights:
            number = str(threads)
            nights = Nights(OMP_NUM_THREADS=number, MKL_NUM_THREADS=number, OPENBLAS_NUM_THREADS=number)
            return running.enter_context(nights)

        yield nights


def content_of(nights: Nights, index: Path, lines: list[dict[str, Any]], **settings: str) -> str:
    """Return the content's digest after a night with the real model."""
    source = write_lines(index.with_suffix(".jsonl"), lines)
    night = nights.run(index, source, model=BUNDLED_MODEL, fork=False, **settings)
    assert night.code == 0, night.said
    return str(night.report["content"])


@pytest.fixture(scope="module")
def full(nights_with: Callable[[int], Nights], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The content that everything else is held against."""
    return content_of(nights_with(1), tmp_path_factory.mktemp("full") / "index", newsroom_lines())


def test_order_and_threads_change_nothing(nights_with: Callable[[int], Nights], full: str, tmp_path: Path) -> None:
    lines = newsroom_lines()
    random.Random(6).shuffle(lines)
    assert content_of(nights_with(2), tmp_path / "index", lines) == full


def test_a_night_after_another_makes_what_a_full_night_makes(
    nights_with: Callable[[int], Nights], full: str, tmp_path: Path
) -> None:
    lines = newsroom_lines()
    others = lines[: len(lines) // 2]  # the rest is new on the second night
    edited = {"title": "A first word on it", "body": others[0]["body"][:400], "summary": None}
    first = [others[0] | edited, *others[1:], others[3] | {"id": "gone-tomorrow", "title": "Gone tomorrow"}]
    before = content_of(nights_with(1), tmp_path / "index", first)
    assert before != full
    assert content_of(nights_with(1), tmp_path / "index", lines) == full


@pytest.mark.torture
@pytest.mark.row("N6", together=True)
@pytest.mark.parametrize("seed", range(5))
def test_many_nights_in_a_row_make_what_a_full_night_makes(
    nights_with: Callable[[int], Nights], full: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    lines = newsroom_lines()
    for night in range(4):
        content_of(nights_with(1 + night % 2), tmp_path / "index", chance.sample(lines, len(lines) - 4 + night))
    chance.shuffle(lines)
    last = content_of(nights_with(1), tmp_path / "index", lines)
    figure("{same} of {series} series of nights ended with the content of a full one", same=last == full, series=1)
    assert last == full
