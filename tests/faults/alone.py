"""A service asked everything, or a night and a service, by one process: `python -m tests.faults.alone FOLDER [texts]`.

It is run where there is no network, and watched; what was answered to what is printed as JSON. `texts`: the index is
made by the real model, and texts are sent.
"""

import fcntl
import json
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.makers import articles, index_of
from tests.servers import SEEALSO, Running, serving

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
GETS = ["/v1/articles/a000/related", "/v1/articles/a001/related.html?limit=3", "/v1/articles/a000/related?explain=1"]
GETS += ["/v1/articles/a000", "/v1/status", "/metrics", "/livez", "/readyz", "/version", "/openapi.json", "/docs/"]
POSTS: dict[str, object] = {
    "/v1/related": {"articles": ["a000", "a001"]},
    "/v1/page": {"article": "a000", "blocks": [{"name": "below"}]},
}
TEXT = {"text": "Why the tides are higher when the moon is new, and what harbours do about it."}


def main(folder: Path, texts: bool) -> None:
    """Ask, and print which network interfaces there were and what was answered."""
    _have_loopback()
    index, source = folder / "index", folder / "articles.jsonl"
    if texts:
        source.write_text("".join(f"{each.model_dump_json(exclude_none=True)}\n" for each in articles(2)))
        subprocess.run([SEEALSO, "index", str(source), "--index", str(index)], check=True, stdout=sys.stderr)
    else:
        index_of(index, articles(20))
    # Watched, a process takes several times as long to load the model as a text may take by default.
    with serving(index, folder / "log", SEEALSO_TEXT_DEADLINE_S="100") as service:
        answered = _ask(service, texts)
    names = [name for _, name in socket.if_nameindex()]
    sys.stdout.write(json.dumps({"interfaces": names, "answered": answered}))


def _ask(service: Running, texts: bool) -> dict[str, int]:
    page = service.get("/docs/").body.decode()
    linked = [link for link in re.findall(r'(?:src|href)="([^"]+)"', page) if link.startswith("/")]
    answered = {path: service.get(path).status for path in [*GETS, *linked]}
    answered |= {path: service.post(path, body).status for path, body in POSTS.items()}
    if texts:
        answered |= {"/v1/similar": service.post("/v1/similar", TEXT).status}
    return answered


def _have_loopback() -> None:
    """Switch loopback on, which in a new network is off; where it is another's, it is on already."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
            return
    except OSError:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


if __name__ == "__main__":
    main(Path(sys.argv[1]), "texts" in sys.argv[2:])
