"""The process behind `Nights`: requests as lines of JSON on standard input, what came of each on standard output.

It runs the real command `seealso index`, with other encoders than a newsroom has, in a fork of itself for each night.
"""

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from seealso import encoder as encoders
from seealso.encoder import BUNDLED_MODEL, Encoder, Vectors
from tests.makers import HashEncoder
from tests.night.run import Night, Request
from tests.night.shim import Fault, Shim, loaded_shim

NAN = "nan-"
WAIT = "wait-"
DIE = "die-"
# What a night imports when it comes to it.
LATE = ("rich._emoji_codes", "scipy.sparse", "sparse_dot_topn")


class _Poisoned(HashEncoder):
    """The same model on a bad day: it gives no number for a text with a certain word."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def _vector(self, text: str) -> Any:
        vector = super()._vector(text)
        return vector * np.nan if self._word in text.lower() else vector


class _Waiting(HashEncoder):
    """Encodes as soon as a file is there; a file FILE.asked says that it waits."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = Path(path)

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        self._path.with_suffix(".asked").touch()
        while not self._path.exists():
            time.sleep(0.005)
        return super().encode(texts, on_batch)


class _Dying(HashEncoder):
    """Has its process killed at the n-th lot of texts."""

    def __init__(self, lot: int) -> None:
        super().__init__()
        self._left = lot

    def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts, on_batch)


def encoder_named(model: str, real: Callable[[str], Encoder] = encoders.load_encoder) -> Encoder:
    """Return an encoder by name: the real model, 'nan-WORD', 'wait-FILE', 'die-LOT', else a HashEncoder so called."""
    if model == BUNDLED_MODEL:
        return real(model)
    if model.startswith(NAN):
        return _Poisoned(model.removeprefix(NAN))
    if model.startswith(WAIT):
        return _Waiting(model.removeprefix(WAIT))
    if model.startswith(DIE):
        return _Dying(int(model.removeprefix(DIE)))
    return HashEncoder(model)


def main() -> None:
    """Answer requests until there are no more."""
    encoders.load_encoder = encoders.fetch_encoder = encoder_named  # type: ignore[assignment]
    import indexer.commands  # noqa: F401  (only now: it takes these by name)
    from indexer.night_page import render_night

    for module in LATE:
        import_module(module)
    render_night({})  # the page's templates are compiled once, and not in each fork

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    shim = loaded_shim()
    for line in sys.stdin:
        request = Request(**json.loads(line))
        answers.write(json.dumps({"pid": os.getpid()}) + "\n") if not request.fork else None
        answer = _forked(request, shim, answers) if request.fork else _command(request, shim)
        answers.write(json.dumps(answer) + "\n")


def _forked(request: Request, shim: Shim | None, answers: Any) -> dict[str, Any]:
    """Run a night in a child; kill it after a while, if that is asked for."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sending, json.dumps(_command(request, shim)).encode())
        os._exit(0)
    os.close(sending)
    answers.write(json.dumps({"pid": child}) + "\n")
    if request.kill_after_s is not None:
        time.sleep(request.kill_after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(receiving, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        answer: dict[str, Any] = json.loads(told)
        return answer
    return asdict(Night(code, "", {}))


def _command(request: Request, shim: Shim | None) -> dict[str, Any]:
    """Run the command in this process, its output kept aside, and return a Night's fields."""
    from seealso.cli import main as command

    os.environ.update(request.environment)
    sys.argv = ["seealso", *request.arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        kept = os.dup(1), os.dup(2)
        os.dup2(out.fileno(), 1)
        os.dup2(error.fileno(), 2)
        if shim:
            fault = Fault(**request.fault) if request.fault else Fault("any", 0)
            shim.arm(Path(request.index), fault)
        try:
            command()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception:  # the edge, as the interpreter's own is: an error without a name ends with a trace and 1
            traceback.print_exc()
            code = 1
        if shim:
            shim.disarm()
        sys.stdout.flush()
        sys.stderr.flush()
        for place, handle in enumerate(kept, 1):
            os.dup2(handle, place)
            os.close(handle)
        out.seek(0)
        error.seek(0)
        told, said = out.read(), error.read().decode("utf-8", "replace")
    trace = shim.trace() if shim and not request.fault else []
    calls = shim.count() if shim else 0
    return asdict(Night(code, said, json.loads(told) if told.strip() else {}, calls, trace))


if __name__ == "__main__":
    main()
