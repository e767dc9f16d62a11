"""A real Ray cluster of several nodes on this machine, some of them killed in the middle."""

import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest
import ray

import indexer.agreement
import indexer.cluster
from indexer.cluster import CPU_LOT, Cluster, check_installed
from indexer.embedding import Lot
from indexer.progress import Silent
from seealso.cli import EXIT_CODES
from seealso.encoder import GPU_LOT, Encoder, Vectors
from seealso.errors import ClusterUnavailable, ModelUnavailable
from seealso.snapshot.layout import VECTORS, published_ids
from seealso.snapshot.reader import open_current
from tests.conftest import ROOT
from tests.makers import HashEncoder, articles, index_of
from tests.ray_nodes import FailsOnce, FixedCost, Nodes, ray_nodes
from tests.servers import SEEALSO, free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.row("M1")
TEXTS = [f"passage {number} of {number % 7}" for number in range(20 * CPU_LOT + 5)]
# Some 10 ms a passage: what is killed in the middle has a middle.
ADDITIONS = 1_000_000
GONE_SECONDS_MAX = 30.0
# A machine that has all but one package.
LACKING = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "indexer":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Lacking())
"""
# Of the processes that a head starts for clients, the first dies at once, as it does now and then on a busy machine.
DYING = """
import os, pathlib, sys
mark = pathlib.Path("{mark}")
if "--mode=specific-server" in sys.orig_argv and not mark.exists():
    mark.touch()
    os._exit(1)
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A cluster of two nodes, `one` and `two`, beside the head."""
    with ray_nodes() as running:
        running.add("one")
        running.add("two")
        yield running


def gathered(lots: list[Lot]) -> Vectors:
    """Return all vectors in the order of their texts; every text has one, and only one."""
    places = [place for lot in lots for place in lot.places]
    assert sorted(places) == list(range(len(TEXTS)))
    vectors = np.concatenate([lot.vectors for lot in lots])
    return np.asarray(vectors[np.argsort(places)])


def test_every_text_gets_the_vector_that_this_process_would_give_it(nodes: Nodes) -> None:
    cluster = Cluster(nodes.address, partial(FixedCost, ADDITIONS), HashEncoder())
    lots = list(cluster.embed(TEXTS))
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))
    assert {lot.by for lot in lots} == {"one (cpu, float32)", "two (cpu, float32)"}
    assert {lot.at_once for lot in lots} == {2}
    assert cluster.notices == []


def test_killed_node_loses_nothing_and_is_named(nodes: Nodes) -> None:
    nodes.add("three")
    cluster = Cluster(nodes.address, partial(FixedCost, 4 * ADDITIONS), HashEncoder())
    lots = []
    alive = True
    for lot in cluster.embed(TEXTS):
        lots.append(lot)
        if alive and lot.by.startswith("three"):
            nodes.kill("three")
            alive = False
            # Who is lost is told when all is embedded, which may be before the cluster knows of it.
            wait_until(lambda: not any(node["Alive"] and node["NodeName"] == "three" for node in ray.nodes()))
    assert not alive
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))
    assert cluster.notices == ["lost while it embedded: three; others made what was under way there"]


@pytest.mark.torture
def test_node_that_joins_is_used(nodes: Nodes) -> None:
    cluster = Cluster(nodes.address, partial(FixedCost, ADDITIONS), HashEncoder())
    lots: list[Lot] = []
    for lot in cluster.embed(TEXTS):
        if not lots:
            nodes.add("four")
        lots.append(lot)
    nodes.kill("four")
    assert any(lot.by.startswith("four") for lot in lots)
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))


@pytest.mark.torture
def test_nodes_with_a_gpu_embed_where_there_are_any_and_keep_their_model(nodes: Nodes, tmp_path: Path) -> None:
    texts = [f"passage {number}" for number in range(3 * GPU_LOT)]
    nodes.add("graphic", gpus=1)
    lots = list(Cluster(nodes.address, partial(counted, tmp_path), HashEncoder()).embed(texts))
    nodes.kill("graphic")
    assert [len(lot.places) for lot in lots] == [GPU_LOT] * 3
    assert {(lot.by, lot.at_once) for lot in lots} == {("graphic (cpu, float32)", 1)}  # the model found none in truth
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.torture
def test_where_the_only_gpu_is_lost_cpus_go_on(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.cluster, "GPU_LOT", 3 * CPU_LOT)
    monkeypatch.setattr(indexer.cluster, "GPU_PATIENCE_S", 1.0)
    nodes.add("rented", gpus=1)
    cluster = Cluster(nodes.address, partial(FixedCost, ADDITIONS), HashEncoder())
    lots: list[Lot] = []
    for lot in cluster.embed(TEXTS):
        if not lots:
            nodes.kill("rented")
        lots.append(lot)
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))
    assert lots[0].by.startswith("rented")
    assert {len(lot.places) for lot in lots if not lot.by.startswith("rented")} <= {CPU_LOT, len(TEXTS) % CPU_LOT}
    assert "the last GPU was lost: CPUs went on" in cluster.notices
    assert any("rented" in notice and "embedded on its CPU" in notice for notice in cluster.notices)


def counted(folder: Path) -> Encoder:
    """Load an encoder, and leave a file for each time."""
    (folder / str(time.monotonic_ns())).touch()
    return HashEncoder()


@pytest.mark.torture
def test_what_is_stopped_in_the_middle_leaves_nothing_running(nodes: Nodes) -> None:
    lots = Cluster(nodes.address, partial(FixedCost, 10 * ADDITIONS), HashEncoder()).embed(TEXTS)
    next(lots)
    assert nodes.encoding()
    lots.close()
    gone(nodes)


def gone(nodes: Nodes) -> None:
    """Wait until no process of the cluster encodes any more."""
    deadline = time.monotonic() + GONE_SECONDS_MAX
    while left := nodes.encoding():
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_machine_with_another_model_is_named(nodes: Nodes) -> None:
    with pytest.raises(ModelUnavailable, match=r"the machine (one|two) of ray://\S+ has another by that name, another"):
        list(Cluster(nodes.address, partial(HashEncoder, "another"), HashEncoder()).embed(TEXTS))


def test_machine_with_other_versions_is_named(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    here = indexer.agreement.versions() | {"torch": "1.0"}
    monkeypatch.setattr(indexer.agreement, "versions", lambda: here)
    with pytest.raises(ClusterUnavailable, match=r"the machine (one|two) .* has torch 2\S+, here it is 1\.0; install"):
        list(Cluster(nodes.address, HashEncoder, HashEncoder()).embed(TEXTS))


def test_process_that_is_lost_as_soon_as_it_is_started_is_asked_for_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, lost = ray.put, list[object]()

    def losing(value: object) -> object:
        if not lost:
            lost.append(value)
            raise ConnectionError('RPC terminated with:\n\tdetails = "the session has been cleaned up"\n>')
        return put(value)

    monkeypatch.setattr(ray, "put", losing)
    lots = list(Cluster(nodes.address, HashEncoder, HashEncoder()).embed(TEXTS))
    assert lost
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))


def test_lot_that_fails_is_made_again(nodes: Nodes, tmp_path: Path) -> None:
    lots = list(Cluster(nodes.address, partial(FailsOnce, tmp_path / "failed"), HashEncoder()).embed(TEXTS))
    assert (tmp_path / "failed").exists()
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))


def test_of_what_grpc_says_the_details_are_told(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_: object) -> None:
        raise ConnectionError('RPC terminated with:\n\tdetails = "the session has been cleaned up"\n>')

    monkeypatch.setattr(ray, "put", lost)
    with pytest.raises(ClusterUnavailable, match="the session has been cleaned up; look at `ray status`"):
        list(Cluster(nodes.address, HashEncoder, HashEncoder()).embed(TEXTS))


def test_cluster_that_gives_nothing_back_is_given_up(nodes: Nodes) -> None:
    cluster = Cluster(nodes.address, partial(FixedCost, 1_000 * ADDITIONS), HashEncoder(), patience_s=3.0)
    with pytest.raises(ClusterUnavailable, match=r"no vectors came back for 3 seconds, 4 lots .* on 2 CPUs"):
        list(cluster.embed(TEXTS))
    gone(nodes)


@pytest.mark.torture
def test_head_that_loses_the_process_for_a_client_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DYING.format(mark=tmp_path / "died"))
    path = f"{tmp_path}:{ROOT}"
    with ray_nodes(PYTHONPATH=path, RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S="10") as others:
        others.add("one")
        lots = list(Cluster(others.address, HashEncoder, HashEncoder()).embed(TEXTS))
    assert (tmp_path / "died").exists()
    np.testing.assert_array_equal(gathered(lots), HashEncoder().encode(TEXTS))


@pytest.mark.torture
def test_node_without_seealso_is_told_what_it_lacks(nodes: Nodes, tmp_path: Path) -> None:
    with ray_nodes() as others:
        (tmp_path / "sitecustomize.py").write_text(LACKING)
        others.add("bare", PYTHONPATH=f"{tmp_path}:{ROOT}")
        with pytest.raises(ClusterUnavailable, match=r"No module named 'indexer"):
            list(Cluster(others.address, HashEncoder, HashEncoder()).embed(TEXTS))


def test_address_where_nothing_answers_is_said_at_once() -> None:
    with pytest.raises(ClusterUnavailable, match="Connection refused"):
        list(Cluster(f"ray://127.0.0.1:{free_port()}", HashEncoder, HashEncoder()).embed(TEXTS))


def test_no_texts_need_no_cluster() -> None:
    assert list(Cluster("ray://127.0.0.1:1", HashEncoder, HashEncoder()).embed([])) == []


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.cluster, "find_spec", lambda name: None)
    with pytest.raises(ClusterUnavailable, match=r"pip install -c constraints.txt '\.\[ray\]'"):
        check_installed("ray://head:10001")


def test_interrupted_run_goes_on_alone_where_it_stopped(nodes: Nodes, tmp_path: Path) -> None:
    items = articles(4 * CPU_LOT)

    class Interrupting(Silent):
        """Interrupts after the first lot."""

        def advance(self, count: int = 1) -> None:
            if count == CPU_LOT:
                raise KeyboardInterrupt

    over = partial(Cluster, nodes.address, partial(FixedCost, ADDITIONS))
    with pytest.raises(KeyboardInterrupt):
        index_of(tmp_path, items, embedder_of=over, reporter=Interrupting())
    assert published_ids(tmp_path) == []
    report = index_of(tmp_path, items)
    assert (report.embedded, report.reused) == (3 * CPU_LOT, CPU_LOT)
    gone(nodes)


def test_dry_run_embeds_a_few_over_the_machines(nodes: Nodes, tmp_path: Path) -> None:
    over = partial(Cluster, nodes.address, partial(FixedCost, ADDITIONS))
    report = index_of(tmp_path / "i", articles(400), embedder_of=over, dry_run=True)
    assert report.embed_seconds_expected is not None
    assert report.embed_seconds_expected > 0
    assert list(tmp_path.iterdir()) == []


def night(source: Path, index: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [str(SEEALSO), "index", str(source), "--index", str(index), "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)})


@pytest.mark.torture
def test_the_real_model_gives_the_same_content_though_a_node_is_killed(nodes: Nodes, tmp_path: Path) -> None:
    source = ROOT / "examples/newsroom"
    alone = night(source, tmp_path / "alone")
    reports = [orjson.loads(alone.communicate()[0])]
    nodes.add("three")
    process = night(source, tmp_path / "over", "--on", nodes.address)
    store = tmp_path / "over" / f"{VECTORS}-wal"
    while process.poll() is None and not nodes.encoding("three"):
        time.sleep(0.02)
    size = store.stat().st_size
    while process.poll() is None and store.stat().st_size == size:  # until a lot is kept
        time.sleep(0.02)
    nodes.kill("three")
    out, error = process.communicate()
    assert process.returncode == 0, error.decode()
    reports.append(orjson.loads(out))
    assert reports[0]["embedded"] == reports[1]["embedded"] > 3 * CPU_LOT
    assert sum(reports[1]["embedded_by"].values()) == reports[1]["embedded"]
    assert {name.split()[0] for name in reports[1]["embedded_by"]} >= {"one", "two"}
    assert any("three" in notice for notice in reports[1]["notices"])
    contents = {open_current(tmp_path / name).manifest.content for name in ("alone", "over")}
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.torture, id="SIGINT"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.torture, id="SIGKILL"),
    ],
)
def test_command_that_is_stopped_leaves_nothing_running(
    nodes: Nodes, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = night(ROOT / "examples/newsroom", tmp_path, "--on", nodes.address)
    while process.poll() is None and not nodes.encoding():
        time.sleep(0.1)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == code, error.decode()
    gone(nodes)


def test_command_says_that_no_cluster_is_there(tmp_path: Path) -> None:
    process = night(ROOT / "examples/newsroom", tmp_path, "--on", f"ray://127.0.0.1:{free_port()}")
    _, error = process.communicate()
    assert process.returncode == EXIT_CODES[ClusterUnavailable], error.decode()
    assert b"Connection refused" in error
    assert published_ids(tmp_path) == []
