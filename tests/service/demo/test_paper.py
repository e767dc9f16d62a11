from pathlib import Path

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.demo.paper import dressed, newest, section_at, story_of
from tests.makers import article, index_of


def paper(tmp_path: Path) -> Snapshot:
    days = [article(f"d{day:02}", section="News", language="en", published=f"2026-11-{day:02}") for day in range(1, 21)]
    others = [
        article("undated", section="News", language="en"),
        article("de", section="News", language="de", published="2026-12-01"),
        article("secret", section="News", language="en", published="2026-12-01", sensitive=True),
        article("paid", section="News", language="en", published="2026-12-01", sponsored=True),
        article("sea", section="Wind & Weather", language="en-GB", published="2026-10-01", body="word " * 500),
    ]
    index_of(tmp_path, [*days, *others])
    return open_current(tmp_path)


def test_newest_goes_first_and_what_is_on_no_front_page_is_not_there(tmp_path: Path) -> None:
    snapshot = paper(tmp_path)
    assert [story["id"] for story in newest(snapshot, most=3)] == ["d20", "d19", "d18"]
    every = [story["id"] for story in newest(snapshot, most=100)]
    assert every == [*(f"d{day:02}" for day in range(20, 0, -1)), "sea"]
    assert [story["id"] for story in newest(snapshot, "Wind & Weather")] == ["sea"]
    hidden = snapshot.without(frozenset({"d20"}))
    assert newest(hidden, most=1)[0]["id"] == "d19"


def test_sections_are_known_by_their_addresses(tmp_path: Path) -> None:
    snapshot = paper(tmp_path)
    assert section_at(snapshot, "wind & weather") == "Wind & Weather"
    assert section_at(snapshot, "sport") is None


def test_story_has_day_reading_time_and_picture(tmp_path: Path) -> None:
    snapshot = paper(tmp_path)
    story = story_of(snapshot, snapshot.row_of("sea") or 0)
    assert (story["day"], story["reading"], story["picture"]) == ("1 October 2026", "2 min read", "sea-1")
    assert story_of(snapshot, snapshot.row_of("d01") or 0)["picture"].startswith("news-")


def test_cards_lead_into_the_demo_and_have_its_pictures() -> None:
    card = dressed({"id": "a", "url": "https://news.example/a", "image": None}, "http://x/demo/a", "http://x/p.svg")
    assert (card["url"], card["image"], card["image_width"], card["image_height"]) == (
        "http://x/demo/a", "http://x/p.svg", 1200, 800,
    )  # fmt: skip
