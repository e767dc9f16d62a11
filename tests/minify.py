"""`make script`: the script of the block -> service/block/static/related.min.js, by esbuild."""

from service.block.files import whole_script
from tests.conftest import ROOT
from tests.javascript import MODULES, run_program

MINIFIED = ROOT / "service/block/static/related.min.js"


def minified() -> str:
    """Return the script, minified for browsers that have all it needs."""
    options = ("--minify", "--charset=utf8", "--target=es2022")
    return run_program(MODULES / ".bin/esbuild", *options, stdin=whole_script())


if __name__ == "__main__":
    MINIFIED.write_text(minified(), encoding="utf-8")
