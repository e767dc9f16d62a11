import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from seealso.cli import cli
from seealso.editorial.decisions import read_decisions
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from tests.deciding import take_down


def run(index: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["store", *words, "--index", str(index)])


def test_copy_is_made_and_put_back_when_it_is_meant(tmp_path: Path) -> None:
    store, copy = Store(tmp_path), tmp_path / "copy.db"
    take_down(store, ["a"], "ann", "x", None)
    assert "its 1 changes" in run(tmp_path, "backup", str(copy)).stdout
    take_down(store, ["b"], "ann", "x", None)
    assert run(tmp_path, "restore", str(copy)).exit_code == 1  # nobody said yes
    assert set(read_decisions(store)[0].takedowns) == {"a", "b"}
    assert "with 1 changes" in run(tmp_path, "restore", str(copy), "--yes").stdout
    assert set(read_decisions(store)[0].takedowns) == {"a"}
    store.close()


def test_a_store_that_is_not_there_is_not_made_to_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy := tmp_path / "copy.db").write_text("that of yesterday")
    for address in (None, f"sqlite:///{tmp_path}/elsewhere/editorial.db"):
        if address:
            monkeypatch.setenv("SEEALSO_EDITORIAL", address)
        said = CliRunner().invoke(cli, ["store", "backup", str(copy), "--index", str(tmp_path / "mistyped")])
        assert isinstance(said.exception, StoreUnavailable)
        assert re.search(
            r"editorial\.db cannot be used: it is not there.*--index.*SEEALSO_EDITORIAL", str(said.exception)
        )
    assert ([*tmp_path.iterdir()], copy.read_text()) == ([copy], "that of yesterday")


def test_copy_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, "restore", str(tmp_path / "nowhere.db"), "--yes")
    assert (said.exit_code, "nowhere.db" in said.output) == (2, True)
