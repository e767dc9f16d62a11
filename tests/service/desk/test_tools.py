"""The bookmark and the frame."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store


def test_bookmark_and_frame_hold_the_address_under_which_the_desk_is_seen(editor: FlaskClient) -> None:
    text = editor.get("/desk/tools", base_url="https://seealso.news.example").text
    bookmark = re.search(r'id="bookmark"[^>]* href="([^"]*)"', text)
    assert bookmark
    assert unescape(bookmark[1]).startswith("javascript:(()=>{")
    assert "open('https://seealso.news.example/desk/panel?url='" in unescape(bookmark[1])
    assert text.count(bookmark[1]) == 2  # to be dragged, and to be copied
    assert '&lt;iframe src="https://seealso.news.example/desk/panel?url=ADDRESS"' in text


def test_what_is_not_configured_is_told_by_its_setting(
    editor: FlaskClient, index: Path, make_app: Callable[..., APIFlask]
) -> None:
    text = editor.get("/desk/tools").text
    assert "SEEALSO_DESK_FRAMES" in text
    assert "SEEALSO_DESK_FETCH" in text
    client = make_app(index, desk_frames="https://cms.example", desk_fetch="a.example b.example").test_client()
    key = create_key(Store(index), "Ann", "read", "x")[1]
    text = client.get("/desk/tools", headers={"Authorization": f"Bearer {key}"}).text
    assert "It may be framed by https://cms.example." in text
    assert "a.example, b.example" in text
