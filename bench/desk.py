"""How long the service takes for each page of the desk, and how much each page weighs with all that it loads.

    python -m bench.desk --index DIR [--rounds N]

Each page is asked for in turn, several rounds, by one person, as an admin; the first round, in which things are looked
at for the first time, is told apart. `--made-up N` makes an archive of N articles first, where DIR is empty.
"""

import re
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median
from urllib.parse import quote

import click

from bench.made_up import build_made_up
from bench.servers import service
from indexer.progress import PlainReporter
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.encoder import BUNDLED_MODEL, load_encoder
from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot

PORT = 8097
_LOADED = re.compile(r'(?:src|href)="(/desk/static/[^"]+)"')


def pages_of(snapshot: Snapshot) -> dict[str, str]:
    """Return what is asked for, by name."""
    middle = len(snapshot) // 2
    hub = int(max(range(0, len(snapshot), max(1, len(snapshot) // 200)), key=lambda row: len(snapshot.hosts_of(row))))
    article, often = (quote(snapshot.article_id(row), safe="") for row in (middle, hub))
    word = quote(snapshot.title(middle).split()[0])
    # A made-up archive has no model that reads a text.
    reads = snapshot.manifest.model.digest == load_encoder(BUNDLED_MODEL).identity.digest
    return ({"by meaning": "/desk/?q=why+the+tide+comes+in+twice"} if reads else {}) | {
        "newest": "/desk/",
        "by words": f"/desk/?q={word}&by=words",
        "like an article": f"/desk/?q={article}",
        "by date": "/desk/?after=2020-01-01",
        "by tag": "/desk/?tag=sea",
        "by author": "/desk/?author=okafor",
        "an article": f"/desk/articles/{article}",
        "one often shown": f"/desk/articles/{often}",
        "draft": "/desk/draft",
        "archive": "/desk/archive",
        "night": "/desk/night",
        "rules": "/desk/rules",
        "log": "/desk/log",
        "keys": "/desk/keys",
        "settings": "/desk/settings",
        "tools": "/desk/tools",
        "panel": f"/desk/panel?url={article}",
    }


# So long the service is left alone after its first page, which has it load the model beside whatever it answers then.
MODEL_SECONDS = 25


def ask(path: str, key: str) -> tuple[float, bytes]:
    """Return how many milliseconds an answer took, and the answer."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/html", "Accept-Encoding": "identity"}
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", headers=headers)
        ) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"{path}: {error.code} {error.read()[:300]!r}") from error
    return (time.perf_counter() - began) * 1_000, body


@click.command()
@click.option("--index", type=click.Path(path_type=Path), required=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--made-up", default=0, help="make an archive of so many articles, if DIR has none")
def main(index: Path, rounds: int, made_up: int) -> None:
    """Print milliseconds and kilobytes of each page."""
    if made_up and not (index / "CURRENT").exists():
        with PlainReporter() as reporter:
            build_made_up(index, made_up, reporter)
    snapshot = open_current(index)
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/editorial.db"
        key = create_key(Store(index, address), "bench", "admin", "bench")[1]
        with service(index, PORT, editorial=address, rate_limit="none"):
            ask("/desk/", key)
            time.sleep(MODEL_SECONDS)
            print(f"{len(snapshot):,} articles\n")
            print(f"{'':20} {'first ms':>9} {'median ms':>10} {'kB':>7} {'with all, kB':>13}")
            for name, path in pages_of(snapshot).items():
                first, body = ask(path, key)
                again = [ask(path, key)[0] for _ in range(rounds)]
                weight = len(body) / 1_000
                loaded = sum(len(ask(each, key)[1]) for each in dict.fromkeys(_LOADED.findall(body.decode()))) / 1_000
                print(f"{name:20} {first:9.0f} {median(again):10.0f} {weight:7.0f} {weight + loaded:13.0f}", flush=True)


if __name__ == "__main__":
    main()
