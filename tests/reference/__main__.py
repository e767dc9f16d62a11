"""The reference in docs/reference/, made from the code: `make reference`, or into the folder that is named."""

import sys
from pathlib import Path

from tests.reference.make import FOLDER, reference_pages


def main() -> None:
    """Write every page that is not as the code says."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in reference_pages().items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stderr.write(f"written: {path}\n")


if __name__ == "__main__":
    main()
