"""An update over the oldest: a snapshot of the first format that is read, and a store of the first version beside it;
and one of format 1, which is not read.

Each format by itself is in tests/night/test_formats.py, each version of the store in
tests/seealso/editorial/test_migrations.py; here a service finds both, as an operator's does who skipped every version.
"""

import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from seealso.editorial.keys import create_key
from seealso.editorial.schema import REVISION
from seealso.editorial.store import DATABASE, Store
from seealso.snapshot.layout import POINTER, SNAPSHOTS
from seealso.snapshot.manifest import FORMAT, FORMATS, read_manifest
from seealso.snapshot.reader import open_current
from tests.makers import articles, index_of
from tests.night.keep_format import ARTICLES, KEPT_IN
from tests.seealso.editorial.test_migrations import FIRST_STORE
from tests.servers import Running, serving

EVERY = "limit=50&min_probability=0&stories=all"


def of_format(number: int, index: Path) -> Path:
    """Return an index folder with the snapshot that is kept of a format."""
    [snapshot] = (KEPT_IN / f"format-{number}").iterdir()
    shutil.copytree(snapshot, index / SNAPSHOTS / snapshot.name)
    (index / POINTER).write_text(f"{snapshot.name}\n")
    return index


def left_by_the_first_version(index: Path) -> Path:
    """Return an index folder with a snapshot of the oldest format read, and a store in which a003 is taken down."""
    of_format(min(FORMATS), index)
    with closing(sqlite3.connect(index / DATABASE)) as store:
        store.executescript(FIRST_STORE.read_text())
    return index


def shown(service: Running, article_id: str = "a000") -> set[Any]:
    answer = service.get(f"/v1/articles/{article_id}/related?{EVERY}")
    assert answer.status == 200, answer.body
    return {card["id"] for card in answer.json()["related"]}


def wait_for(service: Running, snapshot: str) -> None:
    """Wait until a service answers from a snapshot, for half a minute at most."""
    deadline = time.monotonic() + 30
    while service.get("/version").json()["snapshot"] != snapshot and time.monotonic() < deadline:
        time.sleep(0.05)


def test_what_the_first_version_left_is_served_decided_on_and_indexed_anew(tmp_path: Path) -> None:
    index = left_by_the_first_version(tmp_path / "index")
    first = open_current(index)
    others = {f"a{number:03}" for number in range(ARTICLES)} - {"a000"}
    assert first.manifest.format < FORMAT
    with serving(index, tmp_path / "log", workers=1) as service:
        assert shown(service) == others - {"a003"}
        assert service.get("/v1/articles/a003/related").status == 410
        store = Store(index)
        with store.reading() as connection:
            assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == REVISION
        assert [(each.subject, each.action) for each in store.changes()] == [("a003", "takedown")]
        _, key = create_key(store, "Ann", "editor", "x")
        rule = {"action": "exclude", "under": {"article": "a000"}, "about": {"article": "a001"}, "reason": "x"}
        assert service.send("POST", "/v1/rules", rule, key).status == 200
        assert shown(service) == others - {"a001", "a003"}

        report = index_of(index, articles(ARTICLES + 1, section="News", language="en"), live=store)
        assert report.snapshot is not None
        assert read_manifest(index / SNAPSHOTS / report.snapshot).parent == first.id
        assert open_current(index).manifest.format == FORMAT
        wait_for(service, report.snapshot)
        assert shown(service) == (others | {f"a{ARTICLES:03}"}) - {"a001", "a003"}
        assert service.get("/v1/articles/a003/related").status == 410

        restored = service.send("DELETE", "/v1/articles/a003/takedown?reason=settled", None, key)
        assert restored.status == 200, restored.body
        assert "a003" in shown(service)
        store.close()


def test_format_1_is_refused_by_name_until_a_night_has_indexed_anew(tmp_path: Path) -> None:
    index = of_format(1, tmp_path / "index")
    with serving(index, tmp_path / "log", workers=1, ready=False) as service:
        assert service.get("/readyz").status == 503
        refused = service.get("/v1/articles/a000/related")
        assert refused.status == 503
        assert re.search(r"has the format 1; .*index anew", refused.json()["detail"])

        report = index_of(index, articles(ARTICLES))
        assert report.snapshot is not None
        wait_for(service, report.snapshot)
        assert shown(service) == {f"a{number:03}" for number in range(1, ARTICLES)}
