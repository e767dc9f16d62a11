"""Files and pasted texts: read, or refused in words before they cost anything."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from seealso.errors import DraftNotRead
from service import document
from service.uploads import FILE_BYTES_MAX, checked_paste, text_of_file, text_of_paste

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATIONSHIPS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Target'
    '="{}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
)


def document_of(
    *paragraphs: str, at: str = "word/document.xml", before: str = "", more: Mapping[str, bytes] | None = None
) -> bytes:
    """Return a Word document as Word writes it; `more`: further parts."""
    written = "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in paragraphs)
    body = f"<w:body>{written}</w:body></w:document>"
    named = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    parts = {"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONSHIPS.format(at), at: f"{before}{named}{body}"}
    return packed({name: text.encode() for name, text in parts.items()} | dict(more or {}))


def packed(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as parcel:
        for name, content in parts.items():
            parcel.writestr(name, content)
    return file.getvalue()


def refused(content: bytes, name: str = "draft.docx") -> str:
    with pytest.raises(DraftNotRead) as error:
        text_of_file(name, content)
    return str(error.value)


def encrypted(content: bytes) -> bytes:
    """Return a ZIP file all of whose parts say that they are encrypted."""
    changed = bytearray(content)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", content, at + place)
            struct.pack_into("<H", changed, at + place, flags | 1)
            at = content.find(signature, at + 1)
    return bytes(changed)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t", "no text in"),
        (b"\0\1\2\3" * 100, "this is no text"),
        (b"x" * (FILE_BYTES_MAX + 1), "longer than 10 MB"),
        (b"x" * 100_001, "has 100,001 characters, of which 100,000"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "protected by a password, or of a Word before 2007"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"{\\rtf1 Hello}", "RTF"),
        (b"\x89PNG\r\n", "is a picture"),
        (b"PK\x03\x04 and no more", "is damaged"),
        (document_of("Hello")[:-40], "is damaged"),
        (packed({"a.txt": b"a"}), "no Word document"),
        (packed({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<a/>"}), "no Word document"),
        (encrypted(document_of("Hello")), "protected by a password"),
        (packed({"word/document.xml": b"<w:document"}), "is damaged"),
        (document_of(), "no text in"),
        (document_of("x" * 100_001), "has 100,0"),
    ],
)  # fmt: skip
def test_file_that_is_no_draft_is_refused_in_words(content: bytes, says: str) -> None:
    assert says in refused(content)


def test_bomb_is_refused_by_what_it_says_of_its_size_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    large = b"<a>" + b" " * 5_000_000
    assert "more than 5 MB" in refused(document_of("x", more={"word/styles.xml": large}))
    assert "more than 5 MB" in refused(
        document_of("x", more={f"word/{number}.xml": large[:4_000_000] for number in range(3)})
    )
    assert "2,103 parts" in refused(document_of("x", more={f"word/media/{number}": b"" for number in range(2_100)}))


def test_bomb_that_says_less_than_it_holds_is_unpacked_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    lying = bytearray(document_of("x", more={"word/styles.xml": b" " * 50_000_000}))
    at = lying.rfind(b"PK\x01\x02", 0, lying.rfind(b"word/styles.xml"))
    struct.pack_into("<I", lying, at + 24, 1_000)
    assert "is damaged" in refused(bytes(lying))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_document_that_is_packed_as_no_word_packs_is_refused_unread(method: int) -> None:
    content = bytearray(packed({"word/document.xml": b"<a/>" * 100}, method))
    content[60:70] = b"\xff" * 10  # damaged as well
    assert "packed as no Word packs" in refused(bytes(content))


def test_document_cannot_have_a_part_read_that_was_not_looked_at() -> None:
    hidden = document_of("A text", at="word/media/picture.png")
    assert "no Word document" in refused(hidden)
    both = document_of("Hidden", at="word/media/picture.png", more={"word/document.xml": b"<a/>"})
    with pytest.raises(DraftNotRead):
        text_of_file("draft.docx", both)


def test_reason_why_a_document_is_damaged_is_short() -> None:
    whole = document_of("A text", more={"word/" + "x" * 30_000 + ".xml": b""})
    assert len(refused(whole.replace(b"word/xx", b"word/yy", 1))) < 400


def test_entities_of_xml_are_not_multiplied() -> None:
    before = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    assert "declares a document type" in refused(document_of("&b;", before=before))


def test_document_that_brings_the_reader_down_is_refused() -> None:
    said = refused(document_of("<w:r>" * 60_000 + "</w:r>" * 60_000))
    assert "is damaged" in said or "takes longer" in said


def test_document_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for ends in ("import time; time.sleep(60)", "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)"):
        program = tmp_path / "reads_for_ever.py"
        program.write_text(ends)
        monkeypatch.setattr(document, "__file__", str(program))
        monkeypatch.setattr(document, "SECONDS_MAX", 0.2)
        assert "takes longer than 0.2 seconds" in refused(document_of("x"))


@pytest.mark.parametrize("at", ["word/document.xml", "word/document2.xml"])
def test_document_is_read_without_its_pictures(at: str) -> None:
    content = document_of("A title", "Tides &amp; the moon", at=at, more={"word/media/image1.png": b"\0" * 9_000_000})
    assert text_of_file("draft.docx", content).split("\n\n") == ["A title", "Tides & the moon"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("A title\r\n\r\nGrüße\r".encode(), "A title\n\nGrüße"),
        ("\ufeffA title\n\nGrüße".encode(), "A title\n\nGrüße"),
        (b"<!doctype html><title>x</title><h1>A title</h1><p>One<br>two</p><script>x</script>", "A title\n\nOne two"),
        ("<meta charset=cp1252><p>Grüße &lt;b&gt;</p>".encode("cp1252"), "Grüße <b>"),
        (b"if a < b and b > c, then it is no HTML", "if a < b and b > c, then it is no HTML"),
    ],
)
def test_text_and_html_are_read(content: bytes, text: str) -> None:
    assert text_of_file("draft", content) == text
    assert text_of_paste(content.decode("utf-8-sig", "replace")) == text.replace("Grüße <", "Gr\ufffd\ufffde <")


@pytest.mark.parametrize("pasted", ["", " \n ", "<p> </p>"])
def test_nothing_that_is_pasted_is_told_as_that(pasted: str) -> None:
    with pytest.raises(DraftNotRead, match="no text yet"):
        checked_paste(pasted)
