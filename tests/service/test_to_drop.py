"""What caches have to drop because of a decision."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask

from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from service.to_drop import ToDrop, addresses_of, keys_of_rule, rule_message
from tests.deciding import make_rule
from tests.makers import articles, index_of

MakeApp = Callable[..., APIFlask]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(20))
    return tmp_path


@pytest.mark.parametrize(
    ("wish", "holds", "keys"),
    [
        (Wish("pin", under_article="a", article="b", number=1), True, ["article:a"]),
        (Wish("exclude", under_article="a", section="News"), False, ["article:a"]),
        (Wish("exclude", article="b"), True, ["article:b"]),
        (Wish("exclude", article="b"), False, ["snapshot:old", "snapshot:s"]),
        (Wish("sensitive", article="b"), True, ["article:b"]),
        (Wish("boost", article="b"), True, ["snapshot:old", "snapshot:s"]),
        (Wish("pin", under_section="News", article="b", number=1), True, ["snapshot:old", "snapshot:s"]),
        (Wish("evergreen", number=1), True, ["snapshot:old", "snapshot:s"]),
    ],
)
def test_what_a_rule_may_change_is_dropped(wish: Wish, holds: bool, keys: list[str]) -> None:
    assert keys_of_rule(wish, holds, ["old", "s"], None) == keys


def test_paths_are_those_at_which_blocks_are_asked_for() -> None:
    assert addresses_of(None, "a-1", ["b 2", "https://n.example/ü(3)?x=1"])["paths"] == [
        "/v1/articles/a-1",
        "/v1/articles/a-1/related",
        "/v1/articles/a-1/related.html",
        "/v1/articles/b%202/related",
        "/v1/articles/b%202/related.html",
        "/v1/articles/https%3A%2F%2Fn.example%2F%C3%BC%283%29%3Fx%3D1/related",
        "/v1/articles/https%3A%2F%2Fn.example%2F%C3%BC%283%29%3Fx%3D1/related.html",
        "/v1/articles/https%3A%2F%2Fn.example%2F%C3%BC(3)%3Fx%3D1/related",
        "/v1/articles/https%3A%2F%2Fn.example%2F%C3%BC(3)%3Fx%3D1/related.html",
        "/v1/articles/https://n.example/%C3%BC%283%29%3Fx%3D1/related",
        "/v1/articles/https://n.example/%C3%BC%283%29%3Fx%3D1/related.html",
    ]


def to_drop_of(app: APIFlask) -> ToDrop:
    found: ToDrop = app.extensions["seealso"].to_drop
    return found


def test_what_is_hidden_is_dropped_by_its_own_key_and_where_it_may_stand(index: Path, make_app: MakeApp) -> None:
    dropped = to_drop_of(make_app(index)).hidden("a003")
    assert dropped["keys"] == ["article:a003"]
    assert dropped["paths"][0] == "/v1/articles/a003"
    assert len(dropped["paths"]) > 3
    assert to_drop_of(make_app(index)).hidden("none")["paths"] == [
        "/v1/articles/none",
        "/v1/articles/none/related",
        "/v1/articles/none/related.html",
    ]


def test_what_is_shown_again_drops_the_blocks_it_may_stand_in_and_where_it_is_pinned(
    index: Path, make_app: MakeApp
) -> None:
    app, store = make_app(index), Store(index)
    candidates = to_drop_of(app).shown("a003")["keys"]
    assert candidates[0] == "article:a003"
    assert len(candidates) > 1
    assert "article:other" not in candidates
    make_rule(store, Wish("pin", under_article="other", article="a003", number=1), "ann", "news", None)
    make_rule(store, Wish("pin", under_article="third", article="a004", number=1), "ann", "news", None)
    app.extensions["seealso"].editorial.look()
    assert to_drop_of(app).shown("a003")["keys"] == [*candidates, "article:other"]
    assert to_drop_of(app).shown("a003", ["a007"])["keys"] == ["article:a003", "article:a007", "article:other"]
    make_rule(store, Wish("pin", under_section="News", article="a003", number=1), "ann", "news", None)
    app.extensions["seealso"].editorial.look()
    assert to_drop_of(app).shown("a003", [])["keys"][2].startswith("snapshot:")


def test_a_rule_is_told_by_the_article_whose_block_it_is_for() -> None:
    wish = Wish("pin", under_article="a", article="b", number=1)
    assert rule_message(wish, {"keys": ["article:a"]}) == {"article": "a", "reason": "rule", "keys": ["article:a"]}
