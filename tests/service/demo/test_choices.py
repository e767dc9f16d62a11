import pytest

from seealso.errors import InvalidRequest
from service.api.reading import read_query
from service.block.look import Look
from service.demo.choices import SWITCHES, Choices
from service.wanted import Wanted


def test_who_chose_nothing_has_a_plain_address() -> None:
    assert Choices().query == ""
    assert read_query("lang=&layout=grid", Choices) == Choices()  # as the form sends it


def test_what_was_chosen_goes_along_and_comes_back() -> None:
    chosen = read_query("layout=list&theme=dark&lang=pt-BR&limit=12&mode=latest", Choices)
    assert read_query(chosen.query.removeprefix("?"), Choices) == chosen
    assert chosen.look == Look("list", images=True, theme="dark", lang="pt-BR", json_ld=False)
    assert chosen.wanted == Wanted(limit=12, mode="latest")
    assert chosen.asked == {"layout": "list", "theme": "dark", "mode": "latest", "lang": "pt-BR", "limit": 12}


@pytest.mark.parametrize("query", ["layout=table", "limit=51", "lang=x!", "colour=red", "way=carrier-pigeon"])
def test_what_cannot_be_chosen_is_refused(query: str) -> None:
    with pytest.raises(InvalidRequest):
        read_query(query, Choices)


def test_every_setting_of_every_switch_can_be_chosen() -> None:
    for name, (_, settings) in SWITCHES.items():
        for value in settings:
            assert getattr(read_query(f"{name}={value}", Choices), name) == value
