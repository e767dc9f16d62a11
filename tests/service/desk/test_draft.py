"""A draft at the desk."""

import io
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from seealso.editorial.keys import Scope
from seealso.errors import ModelUnavailable, ServiceBusy
from tests.indexer.sources.web_server import Reply, Site
from tests.service.desk.conftest import HOSTILE
from tests.service.test_uploads import document_of

STORM = "A storm surge\n\ntides moon storm surge"


def read(client: FlaskClient, text: str = "", **more: Any) -> TestResponse:
    return client.post("/desk/draft", data={"text": text} | more, content_type="multipart/form-data")


def kept(answer: TestResponse) -> str:
    """Return the text that stands in the form."""
    found = re.search(r"<textarea id=\"text\"[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)
    assert found
    return unescape(found[1])


def trouble(answer: TestResponse) -> str:
    found = re.search(r'class="problem" role="alert">(.*?)</p>', answer.text)
    return unescape(found[1]) if found else ""


def pieces(answer: TestResponse) -> list[list[Any]]:
    found = re.search(r'data-pieces="(.*?)"', answer.text)
    assert found
    given: list[list[Any]] = json.loads(unescape(found[1]))
    return given


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        ({}, 422, "no text yet"),
        ({"text": "\x00\x01"}, 422, "This is no text"),
        ({"text": "x" * 100_001}, 422, "100,001 characters"),
        ({"text": "tides", "file": (io.BytesIO(b"%PDF-1"), "a.pdf")}, 422, "“a.pdf” is a PDF"),
        ({"text": "tides", "file": (io.BytesIO(b""), "a.docx")}, 422, "“a.docx” is empty"),
        ({"text": "tides", "address": "https://a.example/x"}, 422, "SEEALSO_DESK_FETCH"),
        ({"text": "tides", "address": "x" * 2_001}, 400, "more than 2,000 characters"),
    ],
)
def test_what_is_no_draft_is_told_above_the_text_which_stays(
    editor: FlaskClient, data: dict[str, Any], status: int, says: str
) -> None:
    answer = read(editor, **data)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert says in trouble(answer)
    assert kept(answer) == data.get("text", "")


@pytest.mark.parametrize("error", [ModelUnavailable("hash", "it is gone"), ServiceBusy("texts", 2)])
def test_text_stays_when_the_model_is_gone_or_busy(
    editor: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def gone(*_: object) -> None:
        raise error

    monkeypatch.setattr("service.texts.Texts.draft", gone)
    answer = read(editor, STORM)
    assert answer.status_code == 503
    assert trouble(answer)
    assert kept(answer) == STORM


def test_text_stays_when_no_place_is_free(editor: FlaskClient) -> None:
    lane = editor.application.extensions["seealso"].lanes.texts
    lane.enter()
    lane.enter()
    try:
        answer = read(editor, STORM)
    finally:
        lane.leave()
        lane.leave()
    assert (answer.status_code, kept(answer)) == (503, STORM)


def test_body_beyond_all_limits_is_not_read(editor: FlaskClient) -> None:
    answer = editor.post("/desk/draft", data=b"x" * 13_000_000, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413


def test_draft_that_is_in_the_archive_is_told_so_and_is_not_in_its_own_block(editor: FlaskClient) -> None:
    text = read(editor, STORM).text
    assert "This text is in the archive already." in text
    assert "surely the same text" in text
    assert "2 May 2025" in text
    assert "data-mode" in text
    block = text.split('id="block-heading"')[1]
    assert "/desk/articles/storm" not in block
    assert "/desk/articles/a" in block


def test_draft_of_something_new_has_its_block_in_each_mode_with_reasons(editor: FlaskClient) -> None:
    text = read(editor, "Bread for all\n\nyeast and oven and flour, a hundred loaves that nobody baked before").text
    assert "Nothing in the archive tells the same" in text
    assert [*re.findall(r'data-mode="(\w+)"', text)] == ["background", "latest", "evergreen"]
    assert '<details class="why">' in text
    assert "sensitive" not in text.split('id="block-heading"')[1]


def test_links_lead_to_articles_and_are_copied_with_the_whole_text(editor: FlaskClient) -> None:
    answer = read(editor, "News\n\nNobody <b>saw</b> of it: this storm surge rose & fell with the moon. It was long.")
    assert "<mark>storm surge</mark>" in answer.text
    assert 'data-html="&lt;a href=&#34;https://news.example/storm&#34;&gt;storm surge&lt;/a&gt;"' in answer.text
    (link,) = [piece for piece in pieces(answer) if len(piece) > 2]
    assert link == [
        "storm surge", "storm surge", 0, '<a href="https://news.example/storm">storm surge</a>',
        "[storm surge](https://news.example/storm)",
    ]  # fmt: skip
    whole = "".join(piece[0] for piece in pieces(answer))
    assert whole.startswith("<h1>News</h1>\n<p>Nobody &lt;b&gt;saw&lt;/b&gt; of it: this storm surge rose &amp; fell")


def test_nothing_links_to_what_may_not_be_shown(editor: FlaskClient) -> None:
    editor.post("/v1/articles/storm/takedown", json={"reason": "wrong"})
    answer = read(editor, "News\n\nNobody saw of it: this storm surge rose and fell with the moon.")
    assert not [piece for piece in pieces(answer) if len(piece) > 2]


def test_file_is_read_before_what_was_pasted_and_stands_in_the_form(editor: FlaskClient) -> None:
    document = document_of("A storm surge", "tides moon storm surge")
    answer = read(editor, "something else", file=(io.BytesIO(document), "draft.docx"))
    assert answer.status_code == 200
    assert "Read from “draft.docx”" in answer.text
    assert kept(answer) == STORM


def test_page_elsewhere_is_read_where_that_is_allowed(
    editor: FlaskClient, outside: Callable[[FlaskClient], Site]
) -> None:
    assert 'id="address"' not in editor.get("/desk/draft").text
    assert "SEEALSO_DESK_FETCH" in editor.get("/desk/draft").text
    site = outside(editor)
    site["/page"] = Reply(STORM, headers={"Content-Type": "text/plain"})
    assert 'id="address"' in editor.get("/desk/draft").text
    answer = read(editor, "something else", address=f"{site.address}/page")
    assert (answer.status_code, kept(answer)) == (200, STORM)
    failed = read(editor, "what I wrote", address=f"{site.address}/gone")
    assert "answers 404" in trouble(failed)
    assert kept(failed) == "what I wrote"
    assert f'value="{site.address}/gone"' in failed.text


def test_text_that_the_find_page_posts_is_read(editor: FlaskClient) -> None:
    answer = editor.post("/desk/draft", data={"text": f"{STORM}\r\n\r\n" + "\u00fc" * 90_000})
    assert answer.status_code == 200
    assert 'data-draft="/desk/draft"' in editor.get("/desk/").text


def test_draft_is_text_in_every_place(editor: FlaskClient) -> None:
    answer = read(editor, f"{HOSTILE}\n\ntides moon {HOSTILE} storm surge {HOSTILE}")
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert " style=" not in answer.text


def test_who_may_only_read_may_read_drafts(sign_in: Callable[[Scope], FlaskClient]) -> None:
    assert read(sign_in("read"), STORM).status_code == 200
