"""The client: what fails first, then each of its calls on a service that runs."""

import ast
import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

import seealso.client
from seealso.client import AsyncClient, Client, NoAnswer, Problem, Seen
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from service.typescript import openapi_document
from tests.conftest import ROOT
from tests.hosted import hosted
from tests.listener import listening
from tests.makers import article, articles, index_of
from tests.servers import free_port

ADDRESS = "http://news.example//x/y?z=ä"
READER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seealso.client, "PAUSE_SECONDS", 0.001)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, [*articles(20, section="News", language="en"), article(ADDRESS, body="tides moon sea harbour")])
    return folder


@pytest.fixture(scope="module")
def url(index: Path, redis_url: str) -> Iterator[str]:
    with listening() as caches, hosted(index, redis_url, purge_webhook=caches.url) as address:
        yield address


@pytest.fixture(scope="module")
def key(index: Path) -> str:
    return create_key(Store(index), "client", "admin", "a test")[1]


@pytest.fixture
def client(url: str, key: str) -> Iterator[Client]:
    with Client(url, key) as opened:
        yield opened


def test_nobody_there_is_no_answer_after_as_many_tries() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(NoAnswer, match="did not answer"):
        client.status()


def test_what_is_told_to_come_later_is_asked_again_where_twice_is_once() -> None:
    with listening() as listener, Client(listener.url) as client:
        listener.statuses = [503, 502, 503]
        with pytest.raises(Problem) as told:
            client.related("a000")
        assert (told.value.status, len(listener.asked)) == (503, 3)
        assert "no problem+json" in told.value.detail
        with pytest.raises(Problem):
            client.make_rule(action="boost", reason="tried")
        assert len(listener.asked) == 4
        listener.statuses = [500]
        with pytest.raises(Problem):
            client.related("a000")
        assert len(listener.asked) == 5


def test_who_shall_come_back_much_later_is_told_so_at_once() -> None:
    for later in ("60", "Wed, 21 Oct 2099 07:28:00 GMT"):

        def busy(handler: BaseHTTPRequestHandler, later: str = later) -> None:
            handler.send_response(429)
            handler.send_header("Retry-After", later)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with listening() as listener, Client(listener.url) as client:
            listener.instead = busy
            with pytest.raises(Problem):
                client.status()
        assert len(listener.asked) == 1


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answer byte by byte, as if for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1_000):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.02)


def test_answer_that_drips_in_is_given_up() -> None:
    with listening() as listener, Client(listener.url, seconds_max=0.1, tries=1) as client:
        listener.instead = drip
        with pytest.raises(NoAnswer):
            client.related("a000")

    async def ask(address: str) -> None:
        async with AsyncClient(address, seconds_max=0.1, tries=1) as later:
            await later.related("a000")

    with listening() as listener:
        listener.instead = drip
        with pytest.raises(NoAnswer):
            asyncio.run(ask(listener.url))


def test_page_of_something_else_is_no_answer_of_ours() -> None:
    with listening() as listener, Client(listener.url) as client, pytest.raises(NoAnswer, match="without JSON"):
        client.status()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Encoding": "gzip", "Content-Type": "text/html"}, b"not compressed"),
        ({"Content-Type": "text/html"}, b"<html><p>The page of a proxy</p></html>"),
        ({"Content-Type": "text/plain"}, b'<section class="seealso">'),
    ],
)
def test_what_is_no_block_is_not_taken_for_one(headers: dict[str, str], body: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    async def ask(address: str) -> str:
        async with AsyncClient(address, tries=1) as later:
            return await later.related_html("a000")

    with listening() as listener, Client(listener.url, tries=1) as client:
        listener.instead = answer
        with pytest.raises(NoAnswer):
            client.related_html("a000")
        with pytest.raises(NoAnswer):
            asyncio.run(ask(listener.url))


@pytest.mark.parametrize("body", [b"[]", b"null", b'"ok"', b'{"status":"healthy"}', b'{"id":"a000"}'])
def test_json_of_something_else_is_no_answer_of_ours(body: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("X-Seealso-Unconfirmed", "north")
        handler.end_headers()
        handler.wfile.write(body)

    with listening() as listener, Client(listener.url, tries=1) as client:
        listener.instead = answer
        for ask in (
            lambda: client.related("a000"),
            client.status,
            lambda: client.take_down("a000", "tried"),
            lambda: client.events({"article": "a000"}, user_agent=READER),
        ):
            with pytest.raises(NoAnswer, match="with other JSON"):
                ask()


def test_nothing_is_no_answer_where_something_is_to_come() -> None:
    with listening() as listener, Client(listener.url, tries=1) as client:
        listener.statuses = [204]
        with pytest.raises(NoAnswer):
            client.related("a000")


@pytest.mark.parametrize("article_id", [".", ".."])
def test_id_that_no_address_can_hold_is_refused(article_id: str) -> None:
    async def ask(address: str) -> None:
        async with AsyncClient(address) as later:
            await later.proof(article_id)

    with listening() as listener, Client(listener.url) as client:
        with pytest.raises(ValueError, match="no address can hold"):
            client.related(article_id)
        with pytest.raises(ValueError, match="no address can hold"):
            asyncio.run(ask(listener.url))
        with pytest.raises(NoAnswer):
            client.related("...")
    assert [path for _, path, _, _ in listener.asked] == ["/v1/articles/.../related"]


def test_address_that_is_none_is_refused() -> None:
    for address in ("related.example", "ftp://related.example", ""):
        with pytest.raises(ValueError, match="must begin with http"):
            Client(address)
    with pytest.raises(ValueError, match="above 0"):
        Client("http://related.example", tries=0)


def test_problem_says_what_was_wrong(client: Client, url: str) -> None:
    with pytest.raises(Problem, match="limit") as told:
        client.related("a000", limit=0)
    problem = told.value
    assert (problem.status, problem.field, problem.type) == (400, "limit", "urn:seealso:problem:invalid-request")
    assert problem.title == "A part of the request is wrong"
    assert "greater than or equal to 1" in problem.detail
    assert problem.request_id
    with Client(url) as stranger, pytest.raises(Problem) as refused:
        stranger.takedowns()
    assert refused.value.status == 401


def test_blocks_are_read(client: Client) -> None:
    block = client.related("a000", limit=3, section=["News"], exclude=["a003", "a006"], explain=True)
    assert block["id"] == "a000"
    assert len(block["related"]) == 3
    assert {"a003", "a006"}.isdisjoint(card["id"] for card in block["related"])
    assert "shared_terms" in block["related"][0]["why"]
    assert client.related(ADDRESS)["id"] == ADDRESS
    assert client.related_html("a000", limit=2).count("<li") == 2
    batch = client.related_to_many(["a000", "nobody"], limit=1)
    assert [each["id"] for each in batch["blocks"]] == ["a000"]
    assert batch["unknown"] == ["nobody"]
    page = client.page("a000", [{"name": "below", "limit": 2}, {"name": "aside", "limit": 2}], shown=["a003"])
    shown = [card["id"] for block in page["blocks"] for card in block["related"]]
    assert len(shown) == len({*shown, "a003"}) - 1
    assert client.similar(text="tides and the moon", limit=2)["related"]
    assert client.status()["articles"] == 21


def test_articles_are_put_and_removed(client: Client) -> None:
    put = client.put("new", title="Neap", body="tides moon", section="News")
    assert (put["state"], put.get("unconfirmed")) == ("new", None)
    assert client.put("new", title="Neap", body="tides moon", section="News")["state"] == "unchanged"
    assert client.article("new")["title"] == "Neap"
    many = client.put_many([{"id": "other", "title": "Spring", "body": "tides"}, {"id": "", "title": "", "body": ""}])
    assert [each["state"] for each in many["articles"]] == ["new", "refused"]
    assert client.delete("new", "withdrawn")["state"] == "removed"
    with pytest.raises(Problem):
        client.article("new")


def test_what_editors_decide_is_decided(client: Client) -> None:
    taken = client.take_down("a007", "tried")
    assert taken["purge"]["keys"] == ["article:a007"]
    assert [each["article"] for each in client.takedowns()["takedowns"]] == ["a007"]
    assert client.proof("a007")["shown_under"] == []
    assert client.restore("a007", "tried")["takedown"]["reason"] == "tried"
    pinned = client.make_rule(
        action="pin", reason="tried", under={"article": "a000"}, about={"article": "a001"}, number=1
    )
    assert client.related("a000", limit=1)["related"][0].get("pinned")
    assert [rule["id"] for rule in client.rules(article="a001")["rules"]] == [pinned["id"]]
    assert client.undo_rule(pinned["id"], "tried")["action"] == "pin"
    change = client.changes(subject="a007", limit=1)["changes"][0]
    assert client.undo(change["sequence"], "tried")["subject"] == "a007"
    assert client.restore("a007", "tried")["takedown"]["article"] == "a007"
    told = client.purges(limit=1)["purges"][0]
    assert client.retry_purge(told["id"])["state"] in ("waiting", "done")
    assert client.purge_done(told["id"])["state"] == "done"


def test_clicks_are_told_and_read(client: Client, url: str) -> None:
    def became() -> dict[str, int]:
        told = httpx2.get(f"{url}/metrics").text
        return {
            fate: int(count) for fate, count in re.findall(r'seealso_events_total\{.*?fate="(\w+)".*?\} (\d+)', told)
        }

    seen: Seen = {"article": "a000", "block": "below", "shown": ["a003"], "clicked": [{"item": "a003", "slot": 1}]}
    before = became()
    client.events(seen, user_agent=READER)
    client.events(seen, user_agent=READER, gpc=True)
    client.events(seen, user_agent=f"{READER} Größe\u2026")
    client.events(seen, user_agent="Examplebot/1.0")
    client.events(seen, user_agent="")
    after = became()
    assert {fate: after[fate] - before.get(fate, 0) for fate in after} == {
        "counted": 4,
        "bot": 4,
        "unknown": 0,
        "dropped": 0,
    }
    assert "rates" in client.clicks(by="item", limit=5)
    with pytest.raises(Problem, match="none runs"):
        client.trial()


def test_keys_are_made_and_revoked(client: Client, url: str) -> None:
    made = client.make_key("Ann", "editor")
    with Client(url, made["text"]) as ann:
        assert ann.takedowns()["takedowns"] == []
        assert client.revoke_key(made["key"]["id"], "left")["name"] == "Ann"
        with pytest.raises(Problem, match="revoked"):
            ann.takedowns()
    assert "Ann" in [each["name"] for each in client.keys()["keys"]]


def test_earlier_snapshot_is_served_again(tmp_path: Path, redis_url: str) -> None:
    for count in (6, 7):
        index_of(tmp_path, articles(count))
    earlier = min(each.name for each in (tmp_path / "snapshots").iterdir())
    admin = create_key(Store(tmp_path), "client", "admin", "a test")[1]
    with hosted(tmp_path, redis_url) as address, Client(address, admin) as client:
        assert client.roll_back(earlier, "tried")["snapshot"] == earlier


def test_every_operation_of_the_service_is_a_call() -> None:
    own = {"put_article": "put", "put_articles": "put_many", "remove_article": "delete", "rollback": "roll_back"}
    probes, messages = {"livez", "readyz", "version"}, {"ghost", "wordpress"}
    operations = {each["operationId"] for path in openapi_document()["paths"].values() for each in path.values()}
    calls = {name for name in vars(seealso.client._Calls) if not name.startswith("_")}
    assert calls == {own.get(name, name) for name in operations - probes - messages}


def test_every_call_is_tried_here() -> None:
    tried = {node.attr for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Attribute)}
    calls = {name for name in vars(seealso.client._Calls) if not name.startswith("_")}
    assert len(calls) > 20
    assert calls <= tried


def test_the_same_in_asyncio(url: str, key: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url, key) as client:
            blocks = await asyncio.gather(*(client.related(f"a{number:03}", limit=2) for number in range(5)))
            assert [block["id"] for block in blocks] == [f"a{number:03}" for number in range(5)]
            with pytest.raises(Problem) as told:
                await client.article("nobody")
            assert told.value.status == 404

    asyncio.run(ask())


def test_examples_of_the_documentation_run(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/clients.md").read_text()
    examples = re.findall(r"```python\n(.+?)```", text, re.S)
    assert len(examples) == 2
    for example in examples:
        code = example.replace("http://127.0.0.1:8080", url)
        for named, ours in {"tides-explained": "a000", "walking-the-ellen-estuary": "a003"}.items():
            code = code.replace(named, ours)
        exec(code, {})
        assert "'Piece " in capsys.readouterr().out
    table = text.split("| what | how |")[1].split("\n\n")[0]
    calls = {name for name in vars(seealso.client._Calls) if not name.startswith("_")}
    assert calls <= set(re.findall(r"`(\w+)`", table))


def test_nothing_that_an_index_needs_is_imported_nor_anything_else_of_ours() -> None:
    asked = "import sys, seealso.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("seealso")} == {"seealso", "seealso.client"}
    assert {"torch", "faiss", "numpy", "pydantic", "flask", "redis"}.isdisjoint(loaded)
