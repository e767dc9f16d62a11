"""Passages -> vectors, on the machines of a Ray cluster. The one user of ray, imported where a cluster is named.

A lot of passages is a task of the cluster, on one CPU or one GPU. What a lost machine had under way, Ray gives to
others; lots come back in any order, and machines that join are used. Of the index nothing is known there: texts go,
vectors come.
"""

import logging
import math
import re
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from indexer.agreement import Agreement, Encoded, Refused, agreement_of, encode_lot
from indexer.embedding import Lot
from seealso.encoder import GPU_LOT, Encoder
from seealso.errors import ClusterUnavailable, ModelUnavailable

# What a lost CPU had under way: some three seconds of it. A GPU's lot is the encoder's own.
CPU_LOT = 32
# So that a machine that is done has its next lot already; more would only lie in the cluster's memory.
LOTS_EACH = 2
# How often a lot is begun again that was lost with its process or machine, before it is what kills them.
RETRIES = 5
# A machine may have to fetch the model first, or another job to end.
PATIENCE_S = 600.0
CONNECT_S = 5.0
# A busy head may lose the process that it starts for a client; the next one lives.
CONNECTIONS = 3
# A machine with the only GPU may come back at once; then those with CPUs go on without it.
GPU_PATIENCE_S = 30.0
# How often it is looked who has joined, and who is gone.
LOOK_S = 2.0


def check_installed(address: str) -> None:
    """Raise ClusterUnavailable if this machine has no Ray to reach a cluster by."""
    if find_spec("ray") is None or find_spec("grpc") is None:
        raise ClusterUnavailable(
            address, "Ray is not installed here; in Seealso's folder: pip install -c constraints.txt '.[ray]'"
        )


class Cluster:
    """The embedder that is a Ray cluster. `address`: `ray://HOST:PORT`; `load`: how its processes get their encoder.

    `encoder` is the run's own; `patience_s` is waited for one lot to come back before all is given up.
    """

    def __init__(
        self, address: str, load: Callable[[], Encoder], encoder: Encoder, patience_s: float = PATIENCE_S
    ) -> None:
        self._address = address
        self._load = load
        self._encoder = encoder
        self._patience_s = patience_s
        self.notices: list[str] = []

    def embed(self, texts: Sequence[str]) -> Generator[Lot, None, None]:
        """Yield every text's vector, as lots come back; without texts, the cluster is not asked for.

        Raises ClusterUnavailable, or ModelUnavailable if a machine has no model, or another.
        """
        if not texts:
            return
        agreement = agreement_of(self._load, self._encoder)
        with _connected(self._address) as ray:
            try:
                yield from self._lots(ray, ray.put(agreement), texts)
            except (ray.exceptions.RayError, ConnectionError) as error:
                raise ClusterUnavailable(self._address, f"{_cause(error)}; what was embedded is kept") from error

    def _lots(self, ray: ModuleType, agreement: Any, texts: Sequence[str]) -> Iterator[Lot]:
        machines = _Machines(ray)
        task, size = _task(ray, machines.kind)
        left = [range(len(texts))]
        under_way: dict[Any, range] = {}
        heard, rounding, without_gpu = time.monotonic(), set[str](), set[str]()
        while True:
            while len(under_way) < LOTS_EACH * max(machines.at_once, 1) and left:
                places = left.pop()
                left += [places[size:]] if len(places) > size else []
                places = places[:size]
                under_way[task.remote(agreement, list(texts[places.start : places.stop]))] = places
            if not under_way:
                break
            done, _ = ray.wait(list(under_way), timeout=LOOK_S)
            machines.look()
            if not done and machines.do_without_gpus():
                self.notices.append("the last GPU was lost: CPUs went on")
                for reference in under_way:
                    ray.cancel(reference)
                left += under_way.values()
                under_way.clear()
                task, size = _task(ray, machines.kind)
            if not done and time.monotonic() - heard > self._patience_s:
                raise ClusterUnavailable(self._address, self._silence(machines, len(under_way)))
            for reference in done:
                heard = time.monotonic()
                node, result = ray.get(reference)
                name = machines.name_of(node)
                if isinstance(result, Refused):
                    raise self._refusal(name, result)
                by = f"{name} ({result.device})"
                rounding |= set() if result.exact else {by}
                without_gpu |= {name} if machines.kind == "GPU" and result.device.startswith("cpu") else set()
                yield Lot(under_way.pop(reference), result.vectors, by, result.seconds, machines.at_once)
        self._conclude(machines, rounding, without_gpu)

    def _refusal(self, name: str, refused: Refused) -> Exception:
        reason = f"the machine {name} of {self._address} {refused.reason}"
        if refused.of_model:
            return ModelUnavailable(self._encoder.identity.name, reason)
        return ClusterUnavailable(self._address, reason)

    def _silence(self, machines: "_Machines", lots: int) -> str:
        return (
            f"no vectors came back for {self._patience_s:g} seconds, {lots} lots are under way on {machines.at_once} "
            f"{machines.kind}s; look at `ray status` there, and run again: what was embedded is kept"
        )

    def _conclude(self, machines: "_Machines", rounding: set[str], without_gpu: set[str]) -> None:
        machines.ask()
        if without_gpu:
            names = ", ".join(sorted(without_gpu))
            self.notices.append(
                f"{names} has a GPU by Ray's word, which torch does not find there: it embedded on its CPU, while "
                "those of others had nothing to do"
            )
        if machines.lost:
            names = ", ".join(machines.lost)
            self.notices.append(f"lost while it embedded: {names}; others made what was under way there")
        if rounding:
            self.notices.append(
                f"{', '.join(sorted(rounding))} rounds vectors otherwise than this machine: a run on other machines "
                "gives lists as good, but another content digest"
            )


class _Machines:
    """Who is in the cluster: how many lots are made at once, on what, and who was lost."""

    def __init__(self, ray: ModuleType) -> None:
        self._ray = ray
        self._names: dict[str, str] = {}
        self._alive: dict[str, dict[str, float]] = {}
        self._lost: set[str] = set()
        self.kind = "GPU"
        self._had = -math.inf  # when there was one of the kind
        self.ask()
        if not self.at_once:
            self.kind = "CPU"

    @property
    def at_once(self) -> int:
        """Return how many lots are made at once: one on each GPU, where there is any, or else on each CPU."""
        return sum(int(resources.get(self.kind, 0)) for resources in self._alive.values())

    def do_without_gpus(self) -> bool:
        """Go over to CPUs where there has been no GPU any more for a while; return whether that was done."""
        if self.kind == "CPU" or time.monotonic() < self._had + GPU_PATIENCE_S:
            return False
        if not any(resources.get("CPU") for resources in self._alive.values()):
            return False
        self.kind = "CPU"
        return True

    @property
    def lost(self) -> list[str]:
        """Return the names of those that were there, and are not any more."""
        return sorted(self._names[node] for node in self._lost)

    def look(self) -> None:
        """Ask the cluster, unless that has just been done."""
        if time.monotonic() - self._asked >= LOOK_S:
            self.ask()

    def name_of(self, node: str) -> str:
        """Return what a machine is called."""
        if node not in self._names:
            self.ask()
        return self._names.get(node, node)

    def ask(self) -> None:
        """Ask the cluster. One that was lost in the last seconds may still be counted."""
        self._asked = time.monotonic()
        nodes = self._ray.nodes()
        self._alive = {node["NodeID"]: node["Resources"] for node in nodes if node["Alive"]}
        self._had = self._asked if self.at_once else self._had
        self._lost |= self._names.keys() - self._alive.keys()
        self._names |= {node["NodeID"]: node["NodeName"] for node in nodes if node["Alive"]}


def _encode_lot(agreement: Agreement, texts: list[str]) -> tuple[str, Encoded | Refused]:
    """Return by which node a lot was encoded, and its vectors. Runs in a process of the cluster."""
    import ray

    return ray.get_runtime_context().get_node_id(), encode_lot(agreement, texts)


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    check_installed(address)
    import ray

    parts = urlsplit(address)
    told_to_stop = signal.getsignal(signal.SIGTERM)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), CONNECT_S).close()
        # Ray's own attempts take half a minute, and its words are of gRPC.
        context = _client(ray, address)
    except (OSError, RuntimeError, ray.exceptions.RayError) as error:
        raise ClusterUnavailable(
            address,
            f"{_cause(error)}; look at `ray status` on its head, at the port, and at RAY_AUTH_TOKEN on both",
        ) from error
    try:
        signal.signal(signal.SIGTERM, told_to_stop)  # Ray puts its own there, which ends with another exit code
        yield ray
    finally:
        context.disconnect()


def _client(ray: ModuleType, address: str, left: int = CONNECTIONS) -> Any:
    """Connect, again where the head answers and fails, or loses the process that it has just started for us."""
    context = None
    try:
        context = ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        ray.put(None)
        return context
    except (RuntimeError, ConnectionError):
        if context is not None:
            context.disconnect()
        if left == 1:
            raise
    return _client(ray, address, left - 1)


def _task(ray: ModuleType, kind: str) -> tuple[Any, int]:
    """Return the task that encodes a lot, and how many passages are one."""
    # Made again elsewhere, too, where it failed: for a moment a machine may have no memory for it.
    again = {"max_retries": RETRIES, "retry_exceptions": True}
    if kind == "GPU":
        # By itself, Ray ends a process after each task that had a GPU, and the model with it.
        return ray.remote(num_gpus=1, num_cpus=0, max_calls=0, **again)(_encode_lot), GPU_LOT
    return ray.remote(num_cpus=1, scheduling_strategy="SPREAD", **again)(_encode_lot), CPU_LOT


def _cause(error: Exception) -> str:
    """Return what an error says, in one line: of gRPC's, its details; of a trace from elsewhere, its last."""
    details = re.search(r'details = "([^"]+)"', str(error))
    if details is not None:
        return details[1]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
