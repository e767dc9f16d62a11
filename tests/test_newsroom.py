"""The sample newsroom is what its README and the demo need."""

import json
from typing import Any

from seealso.article import read_article
from tests.conftest import ROOT

NEWSROOM = ROOT / "examples/newsroom"
PIECES: dict[str, dict[str, Any]] = {
    piece["id"]: piece
    for path in sorted(NEWSROOM.glob("*.jsonl"))
    for piece in map(json.loads, path.read_text().splitlines())
}
LONG_READ = "long-read-living-with-water"


def test_every_piece_is_an_article_without_unknown_keys() -> None:
    for piece in PIECES.values():
        article, unknown = read_article(piece)
        assert unknown == []
        assert all((article.url, article.section, article.summary, article.published, article.author, article.language))


def test_it_is_as_large_and_varied_as_promised() -> None:
    assert len(PIECES) >= 120
    assert len({piece["section"] for piece in PIECES.values()}) == 10
    days = sorted(piece["published"][:10] for piece in PIECES.values())
    assert days[0] < "2024-12" and days[-1] > "2026-10"  # noqa: PT018
    for article_id, piece in PIECES.items():
        words = len(piece["body"].split())
        assert 150 <= words <= 400 or article_id == LONG_READ, (article_id, words)
    assert len(PIECES[LONG_READ]["body"].split()) > 5_000


def test_what_is_in_it_on_purpose_is_there() -> None:
    assert sum(piece["language"] == "de" for piece in PIECES.values()) == 8
    assert [piece["id"] for piece in PIECES.values() if piece.get("sensitive")] == ["inquest-netherquay"]
    assert sum(bool(piece.get("sponsored")) for piece in PIECES.values()) == 2
    copies = [piece for piece in PIECES.values() if piece.get("canonical")]
    assert len(copies) == 2
    assert all(copy["canonical"] in PIECES for copy in copies)


def test_editors_picks_are_pieces_that_may_be_shown() -> None:
    picking = [piece for piece in PIECES.values() if piece.get("editor_related")]
    assert len(picking) >= 60
    for piece in picking:
        picks = piece["editor_related"]
        assert len(set(picks)) == len(picks)
        for pick in picks:
            assert pick != piece["id"]
            assert not PIECES[pick].get("sponsored")
            assert not PIECES[pick].get("sensitive")


def test_its_readme_names_pieces_that_exist() -> None:
    import re

    text = (NEWSROOM / "README.md").read_text()
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text))
    assert len(named) > 20
    assert named <= set(PIECES)
