"""Programs that some tests run and a machine may not have."""

import os
import shutil

import pytest


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Return a mark: what it is on is skipped where a program is missing, but in CI, where it fails for it."""
    missing = shutil.which(program) is None and "CI" not in os.environ
    return pytest.mark.skipif(missing, reason=f"{program} is not installed (Debian: apt-get install {package})")
