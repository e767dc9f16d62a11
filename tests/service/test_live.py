"""Articles that are put and removed between two nights: in every worker at once, in others' blocks too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.articles import read_unplaced
from seealso.editorial.keys import create_key
from seealso.editorial.rules import Wish
from seealso.editorial.store import Store
from tests.deciding import make_rule, take_down
from tests.makers import article, articles, index_of

MakeApp = Callable[..., APIFlask]
TIDES = {"title": "Spring tide", "body": "tides moon sea harbour today", "published": "2025-03-02", "language": "en"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, articles(30, section="News", language="en", published="2025-03-01"))
    return tmp_path


class Newsroom:
    """Two workers over one index, and the key of who publishes."""

    def __init__(self, index: Path, make_app: MakeApp) -> None:
        self.index = index
        self.make_app = make_app
        self.store = Store(index)
        key = create_key(self.store, "the cms", "index", "ann")[1]
        self.key = {"Authorization": f"Bearer {key}"}
        self.apps = [self.started(), self.started()]

    def started(self) -> APIFlask:
        return self.make_app(self.index, rate_limit="none")

    @property
    def clients(self) -> list[FlaskClient]:
        return [app.test_client() for app in self.apps]

    def put(self, article_id: str, worker: int = 0, **fields: Any) -> Any:
        answer = self.clients[worker].put(f"/v1/articles/{article_id}", json=TIDES | fields, headers=self.key)
        assert answer.status_code == 200, answer.text
        return answer.json

    def remove(self, article_id: str, worker: int = 0) -> int:
        path = f"/v1/articles/{article_id}?reason=gone"
        return self.clients[worker].delete(path, headers=self.key).status_code

    def ask(self, path: str, worker: int = 0) -> Any:
        answer = self.clients[worker].get(path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def block(self, article_id: str, worker: int = 0, query: str = "") -> list[str]:
        return [card["id"] for card in self.ask(f"/v1/articles/{article_id}/related{query}", worker)["related"]]


@pytest.fixture
def newsroom(index: Path, make_app: MakeApp) -> Newsroom:
    return Newsroom(index, make_app)


def test_it_answers_at_once_and_stands_in_others_blocks_in_every_worker(newsroom: Newsroom) -> None:
    for worker in (0, 1):
        assert "new" not in newsroom.block("a000", worker)
    told = newsroom.put("new")
    assert told["state"] == "new"
    assert "a000" in told["shown_under"]
    for worker in (0, 1):
        assert newsroom.block("new", worker)
        assert "new" in newsroom.block("a000", worker)
        assert newsroom.ask("/v1/articles/new", worker)["title"] == "Spring tide"


def test_only_answers_that_it_changes_are_dropped(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, articles(360, language="en"))  # whose lists are full
    newsroom = Newsroom(tmp_path, make_app)
    tides, bread, narrow = (f"/v1/articles/{each}/related" for each in ("a000", "a001", "a001"))
    narrow += "?section=News&min_probability=0"
    for path in (tides, bread, narrow):
        newsroom.ask(path, 0)
        newsroom.ask(path, 1)
    told = newsroom.put("new", title="Piece 0 again", body="tides moon sea harbour number0", section="News")
    assert "a000" in told["shown_under"]
    for worker in (0, 1):
        client = newsroom.clients[worker]
        levels = [client.get(path).headers["X-Seealso-Cache"] for path in (tides, bread, narrow)]
        assert [level == "copy" for level in levels] == [False, True, False]
        assert newsroom.block("a001", worker, "?section=News&min_probability=0") == ["new"]


def test_newcomer_stands_in_a_full_block_for_which_all_was_looked_through(tmp_path: Path, make_app: MakeApp) -> None:
    near = [
        article(f"near{n:03}", title="tides", body=f"alpha beta gamma delta w{n}", section="Ads") for n in range(110)
    ]
    free = [article(f"free{n:03}", title="other", body=f"alpha beta q{n} r{n} t{n}") for n in range(60)]
    index_of(tmp_path, [article("host", title="tides", body="alpha beta gamma delta epsilon"), *near, *free])
    newsroom = Newsroom(tmp_path, make_app)
    make_rule(newsroom.store, Wish("exclude", section="Ads"), "ann", "no adverts")
    query = "?limit=5&min_probability=0&stories=all"
    assert len(newsroom.block("host", query=query)) == 5
    told = newsroom.put("new", title="other tides", body="alpha beta gamma q1")
    assert "host" not in told["shown_under"]
    assert "new" in newsroom.block("host", query=query)


@pytest.mark.parametrize("how", ["taken down", "removed"])
def test_block_is_made_anew_where_the_telling_goes_for_which_another_stands_there(
    tmp_path: Path, make_app: MakeApp, how: str
) -> None:
    lead = article("lead", title="bread", body="flour oven yeast alpha", published="2025-02-01")
    tides = "alpha beta gamma delta epsilon zeta"
    telling = article("telling", title="tides", body=tides, canonical="lead", published="2025-02-02")
    others = [article(f"other{n}", title="sea", body=f"alpha beta gamma delta w{n}") for n in range(6)]
    rest = [article(f"rest{n:02}", title="nothing", body=f"lorem{n} ipsum{n} dolor{n}") for n in range(60)]
    index_of(tmp_path, [article("host", title="tides", body=tides), lead, telling, *others, *rest])
    newsroom = Newsroom(tmp_path, make_app)
    for worker in (0, 1):
        assert newsroom.block("host", worker, "?min_probability=0")[0] == "lead"
    if how == "removed":
        newsroom.remove("telling")
    else:
        take_down(newsroom.store, ["telling"], "ann", "court order", None)
    for worker in (0, 1):
        assert newsroom.block("host", worker, "?min_probability=0")[0] != "lead"


def test_to_put_the_same_again_does_nothing(newsroom: Newsroom) -> None:
    newsroom.put("new")
    before = newsroom.store.sequence()
    assert newsroom.put("new", worker=1)["state"] == "unchanged"
    assert newsroom.store.sequence() == before


def test_what_is_put_anew_is_shown_as_it_is_now(newsroom: Newsroom) -> None:
    newsroom.put("new")
    newsroom.block("a000", 1)
    assert newsroom.put("new", title="Neap tide")["state"] == "changed"
    for worker in (0, 1):
        cards = newsroom.ask("/v1/articles/a000/related", worker)["related"]
        assert [card["title"] for card in cards if card["id"] == "new"] == ["Neap tide"]


def test_an_article_of_the_snapshot_is_shown_once_and_as_it_was_put(newsroom: Newsroom) -> None:
    newsroom.put("a003", title="Tides, corrected")
    for worker in (0, 1):
        cards = newsroom.ask("/v1/articles/a000/related?limit=50", worker)["related"]
        assert [card["title"] for card in cards if card["id"] == "a003"] == ["Tides, corrected"]
        assert newsroom.block("a003", worker)


def test_what_is_removed_is_gone_everywhere(newsroom: Newsroom) -> None:
    newsroom.put("new")
    for gone in ("new", "a003"):
        assert gone in newsroom.block("a000", query="?limit=50")
        assert newsroom.remove(gone, worker=1) == 200
        for worker in (0, 1):
            assert gone not in newsroom.block("a000", worker, "?limit=50")
            assert newsroom.clients[worker].get(f"/v1/articles/{gone}").status_code == 404
        assert newsroom.remove(gone) == 404


def test_newcomers_find_each_other(newsroom: Newsroom) -> None:
    newsroom.put("one", body="volcano lava ash crater", title="Volcano")
    newsroom.put("two", body="volcano lava ash eruption", title="Lava", worker=1, published="2025-03-20")
    for worker in (0, 1):
        assert newsroom.block("one", worker, "?min_probability=0")[0] == "two"
        assert newsroom.block("two", worker, "?min_probability=0")[0] == "one"


def test_it_is_there_after_a_restart(newsroom: Newsroom) -> None:
    newsroom.put("new")
    newsroom.put("new", title="Neap tide")
    newsroom.remove("a006")
    before = newsroom.block("a000", query="?limit=50")
    newsroom.apps[0] = newsroom.started()
    assert newsroom.block("a000", query="?limit=50") == before


def test_what_was_taken_down_stays_down_whoever_puts_it(newsroom: Newsroom) -> None:
    key = create_key(newsroom.store, "ed", "editor", "ann")[1]
    newsroom.put("new")
    headers = {"Authorization": f"Bearer {key}"}
    assert (
        newsroom.clients[0].post("/v1/articles/new/takedown", json={"reason": "no"}, headers=headers).status_code == 200
    )
    newsroom.put("new", title="Neap tide", worker=1)
    for worker in (0, 1):
        assert "new" not in newsroom.block("a000", worker, "?limit=50")
        assert newsroom.clients[worker].get("/v1/articles/new/related").status_code == 410


def test_what_comes_while_another_snapshot_takes_over_is_not_lost(newsroom: Newsroom) -> None:
    """It is put to one worker while both make the hottest blocks of the next snapshot."""
    newsroom.put("new")
    index_of(newsroom.index, articles(30, section="News", language="en", published="2025-03-01"))
    parts = [app.extensions["seealso"] for app in newsroom.apps]
    real = [part.current.prepare for part in parts]

    def meanwhile(edited: Any) -> Any:
        go_over = real[0](edited)
        newsroom.put("late", worker=1)
        newsroom.put("new", title="Neap tide", worker=1)
        assert newsroom.remove("a003", worker=1) == 200
        return go_over

    parts[0].current.prepare = meanwhile
    for part in parts:
        part.current.refresh()
        part.live.catch_up(part.current.served.id)  # as its thread does, which is woken
    for worker in (0, 1):
        assert newsroom.ask("/v1/articles/new", worker)["title"] == "Neap tide"
        assert "late" in newsroom.block("a000", worker, "?limit=50&min_probability=0&stories=all")
        assert newsroom.clients[worker].get("/v1/articles/a003").status_code == 404
        assert "a003" not in newsroom.block("a000", worker, "?limit=50&min_probability=0&stories=all")


def test_what_is_removed_is_gone_at_once_from_workers_of_another_snapshot(newsroom: Newsroom) -> None:
    newsroom.put("new")
    index_of(newsroom.index, articles(31, section="News", language="en", published="2025-03-01"))
    followed, left = (app.extensions["seealso"] for app in newsroom.apps)
    followed.current.refresh()
    assert followed.current.served.id != left.current.served.id
    for gone, worker in (("a003", 0), ("a006", 1), ("new", 1)):
        assert gone in newsroom.block("a000", 1 - worker, "?limit=50")
        assert newsroom.remove(gone, worker) == 200
        for each in (0, 1):
            assert newsroom.clients[each].get(f"/v1/articles/{gone}").status_code == 404
            assert gone not in newsroom.block("a000", each, "?limit=50")
    with newsroom.store.reading() as connection:
        for part in (followed, left):
            opened = part.current.served
            assert read_unplaced(connection, opened.id, opened.manifest.live) == []
    assert newsroom.put("a003", title="Back", worker=1)["state"] == "new"
    followed.live.catch_up(followed.current.served.id)  # as its thread does, which is woken
    assert [newsroom.ask("/v1/articles/a003", worker)["title"] for worker in (0, 1)] == ["Back", "Back"]


def test_after_a_restart_on_another_snapshot_what_is_live_is_as_it_was(newsroom: Newsroom) -> None:
    newsroom.put("new")
    newsroom.remove("a003")
    index_of(newsroom.index, articles(30, section="News", language="en", published="2025-03-01"))
    newsroom.apps[0] = newsroom.started()
    assert newsroom.clients[0].get("/v1/articles/a003").status_code == 404
    assert newsroom.ask("/v1/articles/new")["title"] == "Spring tide"


def test_a_pin_on_an_article_that_comes_later_holds_when_it_comes(tmp_path: Path, make_app: MakeApp) -> None:
    index_of(tmp_path, articles(360, language="en"))
    newsroom = Newsroom(tmp_path, make_app)
    editor = {"Authorization": f"Bearer {create_key(newsroom.store, 'ed', 'editor', 'ann')[1]}"}
    pin = {"action": "pin", "under": {"article": "a001"}, "about": {"article": "late"}, "number": 1, "reason": "news"}
    assert newsroom.clients[0].post("/v1/rules", json=pin, headers=editor).status_code == 200
    for worker in (0, 1):
        assert "late" not in newsroom.block("a001", worker)
    newsroom.put("late")
    for worker in (0, 1):
        assert newsroom.block("a001", worker)[0] == "late"
    newsroom.remove("late")
    assert "late" not in newsroom.block("a001")


def test_stories_are_the_same_in_a_worker_that_learns_all_at_once(newsroom: Newsroom) -> None:
    newsroom.put("y", title="Flood", body="flood river bridge")
    newsroom.put("x", title="Copy", body="chess", canonical="y")
    newsroom.put("y", title="Flood, later", body="flood river bridge closed")
    newsroom.put("z", title="Another copy", body="bread", canonical="y")
    newsroom.apps[1] = newsroom.started()
    query = "?limit=50&min_probability=0"
    blocks = [newsroom.block("a000", worker, query) for worker in (0, 1)]
    assert blocks[0] == blocks[1]
    assert len({"x", "y", "z"} & set(blocks[0])) == 1
