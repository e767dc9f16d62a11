"""/desk/draft: a text that is not published yet: is it covered already, which links could it carry, and its block.

A draft is pasted, uploaded, or read from an address elsewhere. Nothing of it is kept here, and it has no address.
"""

from typing import Any, NamedTuple

from flask import Response, request
from werkzeug.datastructures import FileStorage

from seealso.errors import InvalidRequest, SeealsoError
from service.desk.draft_answer import told_of
from service.desk.pages import looking, page, room
from service.desk.wording import sentence
from service.parts import parts
from service.problems import named_problem
from service.uploads import FILE_BYTES_MAX, checked_paste, text_of_file

draft_room = room("draft")
# A file, a text beside it, and what holds them together.
BODY_BYTES_MAX = FILE_BYTES_MAX + 2_500_000
# A text far too long is told so in words, up to this.
FORM_BYTES_MAX = 2_000_000
ADDRESS_CHARACTERS_MAX = 2_000


class Given(NamedTuple):
    """What an editor gave, and `told`: what was read of it."""

    text: str = ""
    address: str = ""
    told: str = ""


@draft_room.get("/draft")
@looking
def ask() -> Response:
    """Ask for a draft."""
    here = parts()
    here.texts.warm(here.current.snapshot())
    return _page(Given())


@draft_room.post("/draft")
@looking
def read_draft() -> Response:
    """Read a draft. What cannot be read is told above the text, which stays."""
    request.max_content_length, request.max_form_memory_size = BODY_BYTES_MAX, FORM_BYTES_MAX
    given = Given(request.form.get("text", ""), request.form.get("address", "").strip())
    try:
        given = _fetched(given)  # which waits for a site, and holds no place meanwhile
        with parts().lanes.texts.place():
            given = _read(given)
            return _page(given, read=told_of(given.text))
    except SeealsoError as error:
        named = named_problem(error)
        if named is None:
            raise
        return _page(given, named[0], trouble=sentence(named[3]))


def _page(given: Given, status: int = 200, **facts: Any) -> Response:
    return page(
        "draft.html", status, given=given, fetches=parts().elsewhere.is_on, **{"read": None, "trouble": ""} | facts
    )


def _fetched(given: Given) -> Given:
    """Return the text of the page whose address was given, if no file was: a file comes first."""
    if not given.address or _file() is not None:
        return given
    if len(given.address) > ADDRESS_CHARACTERS_MAX:
        raise InvalidRequest("address", f"has more than {ADDRESS_CHARACTERS_MAX:,} characters; paste the text instead")
    read = parts().elsewhere.read(given.address)
    return Given(f"{read.title}\n\n{read.text}".strip(), "", f"Read from {read.url}")


def _read(given: Given) -> Given:
    """Return the text that was given: that of a file, of a page that was fetched, or what was pasted."""
    file = _file()
    if file is not None:
        name = file.filename or ""
        return Given(text_of_file(name, file.stream.read(FILE_BYTES_MAX + 1)), "", f"Read from “{name[:100]}”")
    return given if given.told else Given(checked_paste(given.text))


def _file() -> FileStorage | None:
    file = request.files.get("file")
    return file if file is not None and file.filename else None
