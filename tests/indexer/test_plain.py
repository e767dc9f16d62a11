"""What the night chooses is what the service would: tests/service/test_related.py has the laws of it."""

from pathlib import Path

from seealso.snapshot.files import NO_PLACE, PLAIN_MAX
from seealso.snapshot.reader import open_current
from tests.makers import article, articles, index_of


def test_blocks_hold_what_may_be_shown_best_first(tmp_path: Path) -> None:
    pieces = articles(90)
    pieces[3] = article("a003", body="tides moon sea harbour", sponsored=True)
    pieces[6] = article("a006", body="tides moon sea harbour", sensitive=True)
    index_of(tmp_path, pieces)
    snapshot = open_current(tmp_path)
    assert snapshot.plain_blocks is not None
    assert snapshot.plain_blocks.shape == (90, 2, PLAIN_MAX)
    for row in range(90):
        near, stories = snapshot.neighbours[row], snapshot.facts["story"]
        places = snapshot.plain_blocks[row, 0]
        shown = near[places[places != NO_PLACE]]
        if row == 6:
            assert not len(shown)
            continue
        assert len(shown) == PLAIN_MAX
        assert not {3, 6, row} & {*shown.tolist()}
        told = [int(stories[each]) for each in shown]
        assert len({*told, int(stories[row])}) == len(told) + 1
    assert snapshot.plain_blocks[0, 0, 0] == 0


def test_an_archive_of_one_article_has_an_empty_block(tmp_path: Path) -> None:
    index_of(tmp_path, [article("a")])
    plain = open_current(tmp_path).plain_blocks
    assert plain is not None
    assert (plain == NO_PLACE).all()


def test_story_is_shown_by_its_lead_for_the_nearest_telling(tmp_path: Path) -> None:
    telling = {"canonical": "b"}
    pieces = [
        article("a", title="x", body="tides moon sea harbour wall"),
        article("b", title="y", body="tides moon"),
        article("c", title="x", body="tides moon sea harbour wall quay", **telling),
    ]
    index_of(tmp_path, pieces)
    snapshot = open_current(tmp_path)
    assert snapshot.plain_blocks is not None
    shown, tellings = snapshot.plain_blocks[0, :, 0].tolist()
    assert snapshot.article_id(int(snapshot.neighbours[0, shown])) == "b"
    assert snapshot.article_id(int(snapshot.neighbours[0, tellings])) == "c"
    assert (snapshot.plain_blocks[0, :, 1:] == NO_PLACE).all()
