import gzip
from pathlib import Path

import brotli
from flask.testing import FlaskClient

import service.block
from service.block.pictures import DRAWN

# As the theme of a website may name them.
PROPERTIES = ("ink", "faint", "paper", "accent", "line", "serif", "sans", "gap", "radius", "columns-min")
SHEET = Path(service.block.__path__[0]) / "static/related.css"


def test_sheet_is_small_kept_for_long_and_for_any_site(client: FlaskClient) -> None:
    answer = client.get("/related.css", headers={"Accept-Encoding": "br"})
    assert (answer.status_code, answer.content_type) == (200, "text/css; charset=utf-8")
    assert len(answer.data) < 6_000
    assert "max-age=86400" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Vary"] == "Accept-Encoding"
    plain = client.get("/related.css").text
    assert brotli.decompress(answer.data).decode() == plain
    assert gzip.decompress(client.get("/related.css", headers={"Accept-Encoding": "gzip"}).data).decode() == plain
    again = client.get("/related.css", headers={"Accept-Encoding": "br", "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_sheet_loads_nothing_and_touches_nothing_but_the_block() -> None:
    text = SHEET.read_text()
    assert "url(" not in text
    assert "@import" not in text
    assert "!important" not in text
    for line in text.splitlines():
        if line.startswith(".") and "{" in line:
            assert all(part.strip().startswith(".seealso") for part in line.partition("{")[0].split(",")), line


def test_every_property_of_a_theme_is_heeded_and_every_placeholder_drawn() -> None:
    text = SHEET.read_text()
    assert [name for name in PROPERTIES if f"var(--seealso-{name}" not in text] == []
    assert [number for number in range(1, DRAWN + 1) if f".seealso-drawn-{number} " not in text] == []
