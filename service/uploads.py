"""A file that an editor gives, a Word document, HTML or plain text -> its text.

A document is a ZIP file, which may hold a thousand times what it weighs: what it says of its sizes is looked at before
anything is unpacked, and zipfile unpacks no more of a part than that. It is read in a process of its own
(`service.document`). Pictures and formatting are left aside.
"""

import io
import re
import signal
import subprocess
import sys
import zipfile
import zlib

from seealso.decoding import decode_page
from seealso.errors import DraftNotRead
from seealso.markup import text_of_markup
from service import document
from service.texts import TEXT_CHARACTERS_MAX

FILE_BYTES_MAX = 10_000_000
# Word writes some ten bytes of XML for each character, and far more where much is formatted.
PART_BYTES_MAX = 5_000_000
PARTS_BYTES_MAX = 8_000_000
PARTS_MAX = 2_000
# zipfile tells the names of parts, which may be long.
REASON_CHARACTERS_MAX = 200
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What begins a file that is neither a document, nor HTML, nor a text: what it is, and what to do.
_OTHERS = (
    (b"%PDF-", "a PDF; open it and paste its text"),
    (b"{\\rtf", "a rich text file (RTF); save it as .docx, or paste its text"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
# Its name is 'document' as a rule, and 'document2' of some.
_TEXT_PART = re.compile(r"word/[^/]+\.xml")
_ENCRYPTED = 1
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MARKUP = re.compile(r"</(?:p|div|h[1-6]|li|article|body|html)\s*>|<(?:br|p)\s*/?>", re.IGNORECASE)


def text_of_file(name: str, content: bytes) -> str:
    """Return the text of a file. Raises DraftNotRead if it is none that can be read, or has no text, or too much."""
    if not content:
        raise DraftNotRead(f"{_called(name)} is empty")
    if len(content) > FILE_BYTES_MAX:
        raise DraftNotRead(f"{_called(name)} is longer than {FILE_BYTES_MAX // 1_000_000} MB; paste its text")
    if content.startswith(_OLE):
        raise DraftNotRead(
            f"{_called(name)} is protected by a password, or of a Word before 2007; save it as .docx without a "
            "password, or paste its text"
        )
    for begins, what in _OTHERS:
        if content.startswith(begins):
            raise DraftNotRead(f"{_called(name)} is {what}; Word documents (.docx), HTML and plain texts are read")
    text = _text_of_document(name, content) if content.startswith(_ZIP) else text_of_paste(decode_page(content))
    return _checked(text, _called(name))


def text_of_paste(pasted: str) -> str:
    """Return the text of what was pasted: of HTML, if it is that, with line feeds alone as the ends of lines.

    Raises DraftNotRead if it is no text.
    """
    if "\0" in pasted:
        raise DraftNotRead("this is no text: there are bytes in it that no text has; Word documents are read as .docx")
    if _MARKUP.search(pasted):
        pasted = text_of_markup(pasted)
    return re.sub(r"\r\n?|\u2028|\u2029", "\n", pasted).strip()


def checked_paste(pasted: str) -> str:
    """Return the text of what was pasted. Raises DraftNotRead if there is none, or too much."""
    text = text_of_paste(pasted)
    if not text:
        raise DraftNotRead("there is no text yet; paste one, or choose a file")
    return _checked(text, "the text")


def _text_of_document(name: str, content: bytes) -> str:
    try:
        parts = _checked_parts(name, content)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        raise _damaged(name, str(error)) from error
    command = [sys.executable, "-I", document.__file__]
    try:
        read = subprocess.run(command, input=parts, capture_output=True, timeout=2 * document.SECONDS_MAX)  # noqa: S603
    except subprocess.TimeoutExpired:
        read = None
    if read is None or read.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise DraftNotRead(f"{_called(name)} takes longer than {document.SECONDS_MAX} seconds to read; paste its text")
    if read.returncode:
        raise _damaged(name, read.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
    return read.stdout.decode()


def _damaged(name: str, reason: str) -> DraftNotRead:
    told = reason[:REASON_CHARACTERS_MAX]
    return DraftNotRead(f"{_called(name)} is damaged ({told}); open it in Word and save it anew, or paste its text")


def _checked_parts(name: str, content: bytes) -> bytes:
    """Return a document with the parts alone that hold text. Raises DraftNotRead if it is none that can be unpacked.

    Mammoth sees nothing else: a document may name any of its parts as its text.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
        if len(parts) > PARTS_MAX:
            raise DraftNotRead(f"{_called(name)} has {len(parts):,} parts, which no document has; paste its text")
        if not any(_TEXT_PART.fullmatch(part.filename) for part in parts):
            raise DraftNotRead(f"{_called(name)} is no Word document; save it as .docx, or paste its text")
        read = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
        if any(part.flag_bits & _ENCRYPTED for part in read):
            raise DraftNotRead(f"{_called(name)} is protected by a password; save it without one, or paste its text")
        if any(part.compress_type not in _PACKED for part in read):
            raise DraftNotRead(f"{_called(name)} is packed as no Word packs; save it as .docx anew, or paste its text")
        sizes = [part.file_size for part in read]
        if max(sizes) > PART_BYTES_MAX or sum(sizes) > PARTS_BYTES_MAX:
            raise DraftNotRead(
                f"{_called(name)} holds more than {PART_BYTES_MAX // 1_000_000} MB of formatted text; paste its text"
            )
        checked = io.BytesIO()
        with zipfile.ZipFile(checked, "w") as kept:
            for part in read:
                unpacked = packed.read(part)
                if b"<!DOCTYPE" in unpacked or b"<!ENTITY" in unpacked:
                    raise DraftNotRead(f"{_called(name)} declares a document type, as no Word does; paste its text")
                kept.writestr(part.filename, unpacked)
    return checked.getvalue()


def _checked(text: str, what: str) -> str:
    text = text.strip()
    if not text:
        raise DraftNotRead(f"there is no text in {what}")
    if len(text) > TEXT_CHARACTERS_MAX:
        raise DraftNotRead(
            f"{what} has {len(text):,} characters, of which {TEXT_CHARACTERS_MAX:,} can be read at once; leave some out"
        )
    return text


def _called(name: str) -> str:
    return f"“{name[:100]}”" if name else "the file"
