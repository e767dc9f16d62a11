"""A Word document on standard input -> its text on standard output, in a process of its own with limits.

The one user of mammoth, which takes half a millisecond for each paragraph and holds the interpreter meanwhile. It is
run as a program, by `service.uploads`, and imports nothing of ours.
"""

import io
import resource
import sys

SECONDS_MAX = 10
# A document of five megabytes of XML takes a third of that.
MEMORY_BYTES_MAX = 1024**3


def main() -> None:
    """Read, and write; what fails ends the process with its trace."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    sys.stdout.buffer.write(text_of(sys.stdin.buffer.read()))


def text_of(content: bytes) -> bytes:
    """Return the text of a document, as UTF-8. Raises whatever mammoth does."""
    import mammoth

    text: str = mammoth.extract_raw_text(io.BytesIO(content)).value
    return text.encode("utf-8", "replace")


if __name__ == "__main__":
    main()
