import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest
from click.testing import CliRunner, Result

from seealso.errors import ServerUnavailable, SettingsInvalid, UnknownArticle
from service.commands import related, serve
from tests.makers import article, articles, index_of
from tests.servers import SEEALSO, START_SECONDS_MAX, free_port


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index_of(folder, [*articles(20, section="News"), article("paid", body="tides moon sea harbour", sponsored=True)])
    return folder


def run(command: click.Command, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_related_articles_of_one_are_a_table(index: Path) -> None:
    shown = run(related, "a000", "--index", index, "--limit", 3).stdout
    assert "Piece 0" in shown
    assert shown.count("News") == 3


def test_all_articles_are_a_line_each(index: Path) -> None:
    lines = [
        json.loads(line) for line in run(related, "--all", "--json", "--limit", 4, "--index", index).stdout.splitlines()
    ]
    assert [line["id"] for line in lines] == [*(f"a{number:03}" for number in range(20)), "paid"]
    for line in lines:
        assert 0 < len(line["related"]) <= 4
        assert set(line["related"][0]) == {"id", "score", "probability"}
        assert all(each["probability"] >= 0.05 for each in line["related"])


def test_raw_is_before_any_rule(index: Path) -> None:
    def ids(*options: str) -> set[str]:
        line = json.loads(run(related, "a000", "--json", "--limit", 50, "--index", index, *options).stdout)
        return {each["id"] for each in line["related"]}

    assert "paid" in ids("--raw") - ids()
    assert len(ids("--raw")) == 20


def test_wrong_line_is_a_usage_error(index: Path) -> None:
    assert run(related, "--index", index).exit_code == 2
    assert run(related, "a000", "--all", "--index", index).exit_code == 2
    assert run(related, "a000", "--limit", 0, "--index", index).exit_code == 2
    assert run(related, "a000", "--limit", 101, "--index", index).exit_code == 2


def test_unknown_article_is_named(index: Path) -> None:
    with pytest.raises(UnknownArticle, match="nobody"):
        run(related, "nobody", "--index", index)


def test_index_that_is_a_file_is_said_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("")
    with pytest.raises(SettingsInvalid, match="index is no folder"):
        run(serve, "--index", tmp_path / "index")


def test_taken_port_is_said_before_anything_is_started(index: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServerUnavailable, match="choose another with --port"),
    ):
        run(serve, "--index", index, "--port", taken.getsockname()[1])
    with pytest.raises(ServerUnavailable):
        run(serve, "--index", index, "--host", "no.such.host.invalid")


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_stop_while_the_service_starts_ends_it_with_0_and_leaves_nothing(index: Path, number: str) -> None:
    with TemporaryDirectory() as temporary:  # a socket's path is short
        command = [str(SEEALSO), "serve", "--index", str(index), "--port", str(free_port())]
        process = subprocess.Popen(command, env=os.environ | {"TMPDIR": temporary})
        try:
            while not os.listdir(temporary):
                assert process.poll() is None
                time.sleep(0.001)
            process.send_signal(signal.Signals[number])
            assert process.wait(START_SECONDS_MAX) == 0
        finally:
            process.kill()
            process.wait()
        assert os.listdir(temporary) == []
