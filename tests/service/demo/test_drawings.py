from xml.etree import ElementTree

import pytest

from service.demo.drawings import MOTIFS, draw


@pytest.mark.parametrize("section", [*MOTIFS, "unheard of", ""])
def test_pictures_are_whole_small_and_the_same_each_time(section: str) -> None:
    for number in range(20):
        picture = draw(section, number)
        root = ElementTree.fromstring(picture)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            *("svg", "g", "rect", "circle", "ellipse", "path")
        }
        assert len(picture) < 30_000
        assert picture == draw(section, number)


def test_pieces_of_a_section_have_pictures_of_their_own() -> None:
    assert len({draw("science", number) for number in range(20)}) == 20
