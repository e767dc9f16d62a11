from typing import Any

import pytest

from seealso.project import BlockEntry
from service.block.pictures import DRAWN, Picture, picture_of

BLOCK = BlockEntry(
    default_image="https://news.example/site.jpg", section_images={"Sport": "https://news.example/sport.jpg"}
)
CARD: dict[str, Any] = {"section": "Sport", "image": "https://news.example/a.jpg", "image_alt": "A quay"}


def test_an_articles_own_picture_goes_first() -> None:
    card = CARD | {"image_width": 640, "image_height": 480, "image_srcset": "https://news.example/a.jpg 640w"}
    own = Picture("https://news.example/a.jpg", "A quay", 640, 480, "https://news.example/a.jpg 640w")
    assert picture_of(card, BLOCK) == own


def test_a_width_without_a_height_reserves_nothing_and_is_left_out() -> None:
    picture = picture_of(CARD | {"image_width": 640, "image_height": None}, BLOCK)
    assert (picture.width, picture.height) == (None, None)


def test_then_comes_the_sections_then_the_sites_and_neither_says_what_it_shows() -> None:
    bare = CARD | {"image": None}
    assert picture_of(bare, BLOCK) == Picture("https://news.example/sport.jpg")
    assert picture_of(bare | {"section": "World"}, BLOCK) == Picture("https://news.example/site.jpg")
    assert picture_of(bare | {"section": None}, BLOCK) == Picture("https://news.example/site.jpg")


def test_else_one_is_drawn_the_same_for_a_section_each_time() -> None:
    drawn = picture_of({"section": "Sport", "image": None}, BlockEntry())
    assert (drawn.url, drawn.letter) == (None, "S")
    assert 1 <= drawn.drawn <= DRAWN
    assert drawn == picture_of({"section": "Sport", "image": ""}, BlockEntry())
    assert picture_of({}, BlockEntry()).letter == ""  # a card of an old snapshot, without a section


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:image/svg+xml,<svg/>", "//x.example/a.jpg", 7])
def test_what_is_no_address_on_the_web_is_no_picture(url: object) -> None:
    assert picture_of({"image": url}, BlockEntry()).url is None
