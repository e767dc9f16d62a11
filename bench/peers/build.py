"""Build a peer's index, in the peers' own environment: `python -m bench.peers.build MODULE CORPUS FOLDER`."""

import shutil
import sys
from importlib import import_module
from pathlib import Path

from bench.peers.corpus import read_corpus


def main(module: str, corpus: Path, folder: Path) -> None:
    """Build aside, then move: a folder that is there is whole."""
    aside = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    import_module(f"bench.peers.{module}").build(read_corpus(corpus), aside)
    aside.rename(folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
