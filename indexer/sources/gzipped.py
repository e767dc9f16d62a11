"""A file -> its bytes, unpacked if it is gzipped, which its first bytes tell and not its name."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# What reading a file that is damaged, cut or out of reach raises: no shorter file is ever taken for the whole.
BROKEN_OFF = (OSError, EOFError, zlib.error)
_GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading from its beginning. Raises OSError; reading from it raises one of BROKEN_OFF."""
    with path.open("rb") as raw, unpacked(raw) as content:
        yield content


@contextmanager
def unpacked(raw: io.BufferedReader) -> Iterator[BinaryIO]:
    """Read an open file, or standard input, from its beginning; see `open_unpacked`."""
    if raw.peek(2)[:2] == _GZIP_MAGIC:
        with io.BufferedReader(gzip.GzipFile(fileobj=raw)) as content:
            yield content
    else:
        yield raw
