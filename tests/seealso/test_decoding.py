"""Pages in any encoding."""

import pytest

from seealso.decoding import decode_answer, decode_page


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("naïve".encode(), "naïve"),
        ("\ufeffnaïve".encode(), "naïve"),
        (b'<meta charset="iso-8859-1">' + "naïve".encode("latin-1"), '<meta charset="iso-8859-1">naïve'),
        (
            b"<meta charset=iso-8859-1>" + "Britain’s “best” – €5".encode("cp1252"),
            "<meta charset=iso-8859-1>Britain’s “best” – €5",
        ),
        (b"<meta charset=latin1>na\xefve \x81", "<meta charset=latin1>naïve \x81"),
        (b"<meta charset=gb2312>" + "镕基".encode("gb18030"), "<meta charset=gb2312>镕基"),
        (b"<meta charset=shift_jis>" + "①髙".encode("cp932"), "<meta charset=shift_jis>①髙"),
        (b"<meta charset=euc-kr>" + "똠방".encode("cp949"), "<meta charset=euc-kr>똠방"),
        (b'<meta charset="no-such-code">' + "naïve".encode(), '<meta charset="no-such-code">naïve'),
    ],
)
def test_pages_are_decoded_as_they_declare(raw: bytes, text: str) -> None:
    assert decode_page(raw) == text


@pytest.mark.parametrize(
    "name",
    [
        *("undefined", "idna", "punycode", "unicode_escape", "raw-unicode-escape", "UTF-7", "unicode_1_1_utf_7", "U7"),
        *("rot13", "base64", "mbcs", "-", "_"),
    ],
)
def test_codecs_that_no_page_is_written_in_are_passed_over(name: str) -> None:
    page = f'<meta charset="{name}">Grüße, +AGE- \\u0041'
    assert decode_page(page.encode()) == page
    assert decode_answer(page.encode(), f"charset={name}") == page
    assert decode_answer("Grüße".encode(), f"charset={name}") == "Grüße"


def test_undeclared_bytes_are_guessed_never_refused() -> None:
    assert "Grüße" in decode_page(("Schöne Grüße aus dem alten Haus über dem Fluß. " * 20).encode("cp1252"))
    assert decode_page(bytes(range(128, 256)))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [("charset=cp1252", "Grüße"), (' charset="CP1252"', "Grüße"), ("charset=no-such", "Gr"), ("", "Gr")],
)
def test_what_http_states_counts_before_the_page(parameters: str, text: str) -> None:
    assert decode_answer("Grüße".encode("cp1252"), parameters).startswith(text)


def test_letters_are_no_escapes() -> None:
    for name in ("utf-7", "U7", "unicode_escape"):
        page = f'<meta charset="{name}">+AGE- \\u0041'
        assert decode_page(page.encode()) == page
