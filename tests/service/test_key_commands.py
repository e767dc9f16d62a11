import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from seealso.cli import cli
from seealso.editorial.decisions import read_decisions
from seealso.editorial.keys import id_in
from seealso.editorial.store import Store
from seealso.errors import StoreUnavailable
from service.editorial import Editorial


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("USER", "ann")
    monkeypatch.setenv("LOGNAME", "ann")
    return lambda *words: CliRunner().invoke(cli, ["key", *words, "--index", str(tmp_path)])


def test_last_word_that_is_printed_is_the_key(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    said: Result = run("create", "--scope", "editor", "--name", "Night  desk")
    text = said.stdout.split()[-1]
    editorial = Editorial(Store(tmp_path))
    editorial.catch_up()
    key = editorial.key_of(text)
    assert key is not None
    assert (key.scope, key.name) == ("editor", "Night desk")
    assert [change.who for change in Store(tmp_path).changes()] == ["ann, by command"]
    assert "decide what is shown" in said.stdout
    assert "There was no editorial store; made " in said.stderr
    assert run("create", "--scope", "read").stderr == ""


def test_keys_are_listed_without_their_texts(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    Store(tmp_path).sequence()
    assert "there is no key" in run("list").stdout
    texts = [run("create", "--scope", scope, "--days", "2").stdout.split()[-1] for scope in ("read", "admin")]
    run("revoke", id_in(texts[0]))
    said = run("list").stdout
    assert re.search(r"read\s+read\s+revoked", said)
    assert re.search(r"admin\s+admin\s+valid\s+\S+\s+never", said)
    lines = [orjson.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [line["scope"] for line in lines] == ["read", "admin"]
    for text in texts:
        assert text.split("_", 2)[2] not in said + run("list", "--json").stdout


def test_revoked_key_is_revoked_and_an_unknown_one_named(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    text = run("create", "--scope", "admin").stdout.split()[-1]
    assert "opens nothing any more" in run("revoke", id_in(text)).stdout
    (key,) = read_decisions(Store(tmp_path))[0].keys.values()
    assert key.revoked is not None
    unknown = run("revoke", "0123")
    assert (unknown.exit_code, "there is no key '0123'" in unknown.output) == (2, True)


def test_what_only_reads_or_revokes_makes_no_store(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for words in (["list"], ["revoke", "0123"]):
        assert isinstance(run(*words).exception, StoreUnavailable)
    assert list(tmp_path.iterdir()) == []


def test_scope_must_be_one_of_ours(run) -> None:  # type: ignore[no-untyped-def]
    assert run("create", "--scope", "king").exit_code == 2


@pytest.mark.parametrize("days", ["0", "-1", "1e9", "nan", "inf"])
def test_days_that_no_key_can_last_are_refused(run, tmp_path: Path, days: str) -> None:  # type: ignore[no-untyped-def]
    said = run("create", "--scope", "read", "--days", days)
    assert (said.exit_code, "--days" in said.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
    assert run("create", "--scope", "read", "--days", "0.5").exit_code == 0
