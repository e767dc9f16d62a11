from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.project import BlockEntry, Placement
from service.answer import CODINGS
from service.block.files import SCRIPT, SCRIPT_FILES, bare_style, make_script, page_files
from service.block.labels import HEADINGS
from tests.conftest import ROOT
from tests.minify import MINIFIED, minified
from tests.service.test_answer import DECODED

COMPRESSED_BYTES_MAX = 8_000
STYLE = ROOT / "service/block/static/related.css"
FILES = page_files({}, BlockEntry())
PLAIN = make_script({}, BlockEntry())


@pytest.mark.parametrize("coding", CODINGS)
def test_script_is_small(coding: str) -> None:
    assert len(FILES[SCRIPT].forms[coding].body) <= COMPRESSED_BYTES_MAX


def test_script_holds_the_fragments_style_and_labels_and_no_comment() -> None:
    script = PLAIN
    assert bare_style(STYLE.read_text()).replace('"', '\\"') in script
    assert ".seealso-title a:focus-visible::after{outline:" in script.replace(": ", ":")
    assert all(heading in script for heading in HEADINGS.values())
    assert not [line for line in script.splitlines() if line.startswith(("//", "/*", "*"))]
    assert " // " not in script


def test_script_knows_what_a_website_says_of_its_blocks() -> None:
    block = BlockEntry(
        layout="grid",
        timezone="America/New_York",
        rel="nofollow",
        utm_source="see also",
        section_images={"Sport": "https://a.example/s.jpg"},
    )
    script = make_script({"below": Placement(heading=3, limit=4), "plain": Placement(limit=3)}, block)
    assert '"looks":{"":{"layout":"grid"},"below":{"heading":3},"plain":{}}' in script
    assert '"campaign":["utm_source=see%20also"],"timezone":"America/New_York"' in script
    assert '"rel":"nofollow","section_images":{"Sport":"https://a.example/s.jpg"}' in script


def test_script_is_minified_of_what_stands_there() -> None:
    assert MINIFIED.read_text() == minified()


def test_every_file_of_the_script_is_in_it() -> None:
    assert {path.stem for path in (ROOT / "service/block/script").iterdir()} == set(SCRIPT_FILES)


@pytest.mark.parametrize(
    "word", ["innerHTML", "insertAdjacentHTML", "eval(", "document.write", "cookie", "localStorage", "unload"]
)
def test_script_does_nothing_that_strict_pages_refuse(word: str) -> None:
    assert word not in PLAIN


@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_script_is_sent_in_every_coding_for_any_site_to_keep(client: FlaskClient, coding: str) -> None:
    answer = client.get(SCRIPT, headers={"Accept-Encoding": coding})
    assert answer.status_code == 200
    assert DECODED[coding](answer.data).decode() == PLAIN
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"].startswith("public, max-age=3600, stale-while-revalidate=")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Accept-Encoding"
    again = client.get(SCRIPT, headers={"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == answer.headers["ETag"]
    head = client.head(SCRIPT, headers={"Accept-Encoding": coding})
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(answer.data)))


def test_each_coding_has_its_own_entity_tag() -> None:
    assert len({form.etag for form in FILES[SCRIPT].forms.values()}) == 1 + len(CODINGS)


def test_sites_that_are_named_change_nothing_for_the_script(index: Path, make_app: Callable[..., APIFlask]) -> None:
    client = make_app(index, cors_origins="https://a.example").test_client()
    for origin in ("https://a.example", "https://b.example"):
        answer = client.get(SCRIPT, headers={"Origin": origin})
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]


def test_script_needs_no_snapshot_and_no_key(tmp_path: Path, make_app: Callable[..., APIFlask]) -> None:
    client = make_app(tmp_path, reading="keyed").test_client()
    answer = client.get(SCRIPT, headers={"Accept-Encoding": "br"})
    assert brotli.decompress(answer.data).decode() == PLAIN
    assert client.post(SCRIPT).status_code == 404
