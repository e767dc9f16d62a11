"""/desk/draft: a text that is not published yet: is it covered already, which links could it carry, and its block.

A draft is pasted, uploaded, or read from an address elsewhere. Nothing of it is kept here, and it has no address.
"""

from typing import Any, NamedTuple

from flask import Response, request

from seealso.errors import InvalidRequest, SeealsoError
from service.api.answers import parts
from service.desk.draft_answer import told_of
from service.desk.pages import looking, page, room
from service.desk.wording import sentence
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
        with parts().reading.place():
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


def _read(given: Given) -> Given:
    """Return the text that was given: that of a file before that of an address, and that before what was pasted."""
    file = request.files.get("file")
    if file is not None and file.filename:
        text = text_of_file(file.filename, file.stream.read(FILE_BYTES_MAX + 1))
        return Given(text, "", f"Read from “{file.filename[:100]}”")
    if given.address:
        if len(given.address) > ADDRESS_CHARACTERS_MAX:
            raise InvalidRequest(
                "address", f"has more than {ADDRESS_CHARACTERS_MAX:,} characters; paste the text instead"
            )
        read = parts().elsewhere.read(given.address)
        return Given(f"{read.title}\n\n{read.text}".strip(), "", f"Read from {read.url}")
    return Given(checked_paste(given.text))
