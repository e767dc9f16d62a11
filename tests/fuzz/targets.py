"""What reads things that strangers wrote -> what must hold of it, whatever they wrote.

Each target takes bytes, and raises only where a law is broken: what is read badly is refused by the error that its
reader declares, and what is taken in can be written down again. `python -m tests.fuzz` makes up the bytes (atheris);
`test_targets.py` asks each target for its seeds, and for what once broke a law.
"""

import hmac
import json
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast
from unittest import mock
from urllib.parse import unquote

import feedparser  # noqa: F401 - as those below: the fuzzer follows what is imported with this file
import httpx2
import mammoth  # noqa: F401
import orjson
from apiflask import APIFlask
from flask import Request
from lxml import etree  # noqa: F401
from protego import Protego
from pyarrow import parquet
from pydantic import BaseModel, TypeAdapter
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from indexer.sources import fetch
from indexer.sources.csv_table import CsvTable
from indexer.sources.feed import Feed
from indexer.sources.fetch import Fetched
from indexer.sources.found_as_json import pack_found, unpack_found
from indexer.sources.ghost_export import GhostExport
from indexer.sources.jsonl import JsonLines
from indexer.sources.page_text import PageText
from indexer.sources.parquet import ParquetTable
from indexer.sources.record import FieldMap
from indexer.sources.sitemap_file import SitemapBroken, moments_of, read_sitemap
from indexer.sources.source import Found, LeftOut, Noted, Quarantined, Source
from indexer.sources.sql import Query
from indexer.sources.wordpress_api import WordPressApi
from indexer.sources.wordpress_export import WordPressExport
from seealso.article import Article, ArticleId, InvalidArticle, read_article
from seealso.decoding import decode_page
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.errors import DraftNotRead, InvalidRequest, PageNotRead, SnapshotRefused, SourceUnreadable
from seealso.markup import line_of_markup, text_of_markup
from seealso.page import PageUnreadable, read_page
from seealso.posts import article_of_post, ghost_fields, wordpress_fields
from seealso.project import Placement
from seealso.settings import ServiceSettings
from seealso.snapshot import files
from seealso.snapshot.layout import MANIFEST
from seealso.snapshot.manifest import FORMAT, FORMATS, decode_manifest, encode_manifest
from seealso.snapshot.reader import open_snapshot
from seealso.snapshot.snapshot import Snapshot
from seealso.wire import WireFailed, unpack_gzip
from service import document
from service.addresses import BLOCKS, HTML_ENDS, JSON_ENDS, Addresses
from service.answer import Answer, unpacked
from service.api import inputs, reading, webhooks
from service.api.publishing import Put
from service.app import create_app
from service.fetching import Fetcher, FetchLimits, is_public
from service.uploads import text_of_file
from tests.conftest import ROOT
from tests.makers import HashEncoder, article, forge, index_of, with_cells
from tests.service.test_uploads import RELATIONSHIPS, TYPES, document_of, packed

KEPT_IN = ROOT / "tests/night/formats"
SECRET = "a secret of some length"
PLACEMENTS = {"aside": Placement(limit=3, sections=["News"], layout="grid")}
ADDRESSES = Addresses(PLACEMENTS)


@dataclass(frozen=True)
class Target:
    """`check` raises where a law is broken; of a source, and of some others, it returns what was taken in.

    `seeds`: what the fuzzer begins with; `most`: bytes of one input.
    """

    check: Callable[[bytes], object]
    seeds: Sequence[bytes]
    most: int = 4_096


@cache
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="seealso-fuzz-")


def own_folder() -> Path:
    """Return a folder of this process's, for what is read from files; it goes when the process ends by itself."""
    return Path(_own_folder().name)


def in_file(name: str, content: bytes) -> Path:
    path = own_folder() / name
    path.write_bytes(content)
    return path


# --- requests

# All that may be asked (what others are made of too), and the messages of content systems.
MODELS: list[type[BaseModel]] = [
    *(each for each in vars(inputs).values() if isinstance(each, type) and each.__module__ == inputs.__name__),
    *(webhooks.WordPressMessage, webhooks.GhostMessage),
]


def check_query(content: bytes) -> None:
    """The first byte says which model; the rest is the query, as a server hands it over."""
    model = MODELS[content[0] % len(MODELS)] if content else MODELS[0]
    try:
        read = reading.read_query(content[1:].decode("latin-1"), model)
        if isinstance(read, inputs.Filters):
            read.wanted({})
    except InvalidRequest as error:
        told(error)
    else:
        orjson.dumps(read.model_dump(mode="json"))


def check_body(content: bytes) -> None:
    """The first byte says which model; the rest is the body."""
    model = MODELS[content[0] % len(MODELS)] if content else MODELS[0]
    builder = EnvironBuilder(method="POST", data=content[1:], content_type="application/json")
    try:
        read = reading.read_body(Request(builder.get_environ()), model)
        if isinstance(read, inputs.Filters | inputs.PageBody):
            read.wanted({})
        if isinstance(read, inputs.ArticleBody):
            read.article("a")
        if isinstance(read, inputs.WishBody):
            read.wish()
    except InvalidRequest as error:
        told(error)
    except (RequestEntityTooLarge, UnsupportedMediaType):
        pass
    else:
        if isinstance(read, inputs.ImportBody):
            for fields in read.articles:
                with suppress(InvalidArticle):
                    orjson.dumps(read_article(fields)[0].model_dump())
        elif not isinstance(read, webhooks.WordPressMessage | webhooks.GhostMessage):  # which hold posts as they came
            orjson.dumps(read.model_dump(mode="json"))


def check_block_address(content: bytes) -> object:
    """A page view's path and query, as a server hands them over.

    What is read is what stands there, and has the key of all that say the same; of what is not read the API says why.
    """
    path, _, query = content.decode("latin-1").partition("?")
    block = re.fullmatch(f"{BLOCKS}(.+)({JSON_ENDS}|{re.escape(HTML_ENDS)})", path, re.DOTALL)
    read = ADDRESSES.read(path, query)
    if read is not None:
        asked, key = read
        assert block is not None
        assert asked.article_id.encode().decode("latin-1") == block[1]
        assert re.fullmatch("[0-9a-f]{32}", key)
        orjson.dumps([asked.wanted, asked.look])
        turned = Addresses(PLACEMENTS).read(path, "&".join(reversed(query.split("&"))))
        assert turned is not None
        assert turned[1] == key
    elif block is not None:
        with suppress(InvalidRequest, UnicodeError):
            path.encode("latin-1").decode()
            model = inputs.RelatedQuery if block[2] == JSON_ENDS else inputs.BlockQuery
            reading.read_query(query, model).wanted(PLACEMENTS)
            raise AssertionError("it is no block's address, and nothing is wrong with it")
    return read


def check_webhook(content: bytes) -> bool:
    """A message of WordPress's or Ghost's: refused if it is not signed, else done, to what can be an article.

    The first byte says whose it is, and whether it is signed as it must be or by its first line. NOW becomes the time.
    """
    kind, now = content[:1], str(int(time.time()))
    given, _, body = content[1:].replace(b"NOW", now.encode()).partition(b"\n")
    ghost, signs = kind in (b"\1", b"\3"), kind in (b"\2", b"\3")
    right = hmac.digest(SECRET.encode(), body + (f"{now}000".encode() if ghost else b""), "sha256").hex()
    if signs:
        given = f"sha256={right}{f', t={now}000' if ghost else ''}".encode()
    builder = EnvironBuilder("/v1/webhooks/" + ("ghost" if ghost else "wordpress"), method="POST", data=body)
    environ = builder.get_environ() | {"CONTENT_TYPE": "application/json"}
    environ["HTTP_X_GHOST_SIGNATURE" if ghost else "HTTP_X_HUB_SIGNATURE_256"] = given.decode("latin-1")
    with mock.patch.multiple(webhooks, put_article=put_nowhere, remove_article=remove_nowhere):
        answer = Response.from_app(webhook_app(), environ, buffered=True)
    assert answer.status_code in (200, 400, 401, 415), answer.get_data()
    assert signs or right.encode() in given or answer.status_code == 401
    return answer.status_code == 200


def put_nowhere(article: Article, by: str, sent: datetime) -> Put:
    orjson.dumps(article.model_dump())
    assert abs(sent.timestamp() - time.time()) < 2 * webhooks.SECONDS_APART_MAX, by
    return Put("new", 0, [])


def remove_nowhere(article_id: str, by: str, reason: str, sent: datetime) -> None:
    TypeAdapter(ArticleId).validate_python(article_id)
    assert abs(sent.timestamp() - time.time()) < 2 * webhooks.SECONDS_APART_MAX


@cache
def webhook_app() -> APIFlask:
    index = own_folder() / "webhooks"
    index_of(index, [article("42", updated="2026-11-28")])
    settings = ServiceSettings(index=index, wordpress_secret=SECRET, ghost_secret=SECRET)
    return create_app(settings, HashEncoder)


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


def check_request(content: bytes) -> int:
    """A whole request, as a server hands it over: method and address, a line for each header, an empty one, the body.

    KEY becomes a key that opens all. The service fails at none, and what it answers can be sent. Returns the status.
    """
    app, key = desk_app()
    head, _, body = content.replace(b"KEY", key.encode()).partition(b"\n\n")
    first, *headers = head.decode("latin-1").split("\n")
    method, _, address = first.partition(" ")
    path, _, query = address.partition("?")
    environ = EnvironBuilder(input_stream=BytesIO(body), content_length=len(body)).get_environ() | {
        "REQUEST_METHOD": method if method in METHODS else "GET",
        "PATH_INFO": "/" + unquote(path, "latin-1").removeprefix("/"),
        "QUERY_STRING": query,
    }
    for name, _, value in (header.partition(": ") for header in headers):
        told_as = name.upper().replace("-", "_")
        if told_as != "CONTENT_LENGTH":  # the server's to check
            environ[told_as if told_as == "CONTENT_TYPE" else f"HTTP_{told_as}"] = value.strip()
    sent, status, answered = run_wsgi_app(app, environ, buffered=True)
    answer, code = b"".join(sent), int(status[:3])
    assert code < 500, (status, answer)
    for name, value in answered.items():
        assert not re.search(rb"[\r\n\0]", f"{name}{value}".encode("latin-1")), (name, value)
    if environ["REQUEST_METHOD"] == "HEAD" or code in (204, 304):
        assert not answer
    elif "json" in answered.get("Content-Type", "") and "Content-Encoding" not in answered:
        orjson.loads(answer)
    return code


@cache
def desk_app() -> tuple[APIFlask, str]:
    """Return an app of two articles that has the desk, and a key that opens all."""
    index = own_folder() / "desk"
    index_of(index, [article("42", section="News", language="en"), article("tides", body="tides moon sea")])
    app = create_app(ServiceSettings(index=index, rate_limit="none"), HashEncoder)
    return app, create_key(Store(index), "Ann", "admin", "x")[1]


def told(error: Exception) -> None:
    """An error can be told: its message is text, and not as long as what it is about."""
    str(error).encode()
    assert len(str(error)) < 2_000, str(error)


# --- snapshots


def check_manifest(content: bytes) -> None:
    """As it stands, and with a checksum and a content digest that fit: who writes to the folder can make those."""
    path = Path(MANIFEST)
    try:
        fields = orjson.loads(content)
    except orjson.JSONDecodeError:
        fields = None
    for raw in (content, fitting(fields) if isinstance(fields, dict) else content):
        try:
            manifest = decode_manifest(raw, path)
        except SnapshotRefused as error:
            told(error)
        else:
            assert encode_manifest(manifest) == raw


def fitting(fields: dict[str, Any]) -> bytes:
    import hashlib

    def digest(value: Any) -> str:
        return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()

    try:
        inner = {name: fields.get(name) for name in ("model", "recipe", "counts", "files")}
        content = digest(inner)
        said = {name: value for name, value in fields.items() if name != "checksum"}
        said |= {"content": content, "id": f"20261128T000000Z-{content[:12]}"}
        return orjson.dumps(
            said | {"checksum": digest(said)}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
        ) + b"\n"  # fmt: skip
    except orjson.JSONEncodeError:
        return b""


def kept_snapshot(number: int) -> Path:
    [folder] = (KEPT_IN / f"format-{number}").iterdir()
    return folder


@cache
def fuzzed_snapshot() -> Path:
    """Return a folder with the kept snapshot of the format that is written today, its vectors in cells as well."""
    source = kept_snapshot(FORMAT)
    folder = own_folder() / "with-cells" / source.name
    shutil.copytree(source, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    return with_cells(folder)


@cache
def fuzzed_snapshots() -> list[tuple[Path, list[str]]]:
    """Return the folder of a snapshot of each format, today's first, and its files: at last those of cells."""
    folders = [fuzzed_snapshot(), *(kept_snapshot(number) for number in FORMATS if number != FORMAT)]
    return [
        (
            folder,
            sorted(
                {path.name for path in folder.iterdir()} - {MANIFEST}, key=lambda name: (name in files.OF_CELLS, name)
            ),
        )
        for folder in folders
    ]


def check_snapshot(content: bytes) -> None:
    """A file of a snapshot holds something else, with digests that fit.

    The first byte says which file; the next, whether it is replaced, or only a part of it from a place on, and of which
    format the snapshot is.
    """
    if len(content) < 4:
        return
    source, names = fuzzed_snapshots()[(content[1] >> 1) % len(fuzzed_snapshots())]
    name = names[content[0] % len(names)]
    folder = own_folder() / source.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    whole = (source / name).read_bytes()
    place = int.from_bytes(content[2:4], "little") % (len(whole) + 1)
    other = content[4:] if content[1] & 1 else whole[:place] + content[4:] + whole[place + len(content) - 4 :]
    forged = forge(folder, name, other)
    try:
        snapshot = open_snapshot(forged)
    except SnapshotRefused as error:
        told(error)
    else:
        ask_all(snapshot)
    finally:
        shutil.rmtree(forged, ignore_errors=True)


def ask_all(snapshot: Snapshot) -> None:
    """Ask a snapshot for what it has: it may be nonsense, but the process lives, and stays within what is mapped."""
    every, tags, authors = snapshot.here, snapshot.tags, snapshot.authors
    for row in range(len(snapshot)):
        snapshot.card(row), snapshot.article(row), snapshot.neighbours_of(row), snapshot.passages_of(row)
        snapshot.row_at(f"https://news.example/a{row:03}"), snapshot.hosts_of(row)
        with suppress(ValueError):  # a forged card may be no text
            snapshot.row_of(f"a{row:03}")
        if snapshot.plain_blocks is not None and snapshot.is_as_the_night_left(row):
            blocks = snapshot.plain_blocks[row]
            snapshot.neighbours[row, blocks[blocks != files.NO_PLACE]]
        own = snapshot.probes(row).vectors
        snapshot.vectors.search(own, 3), snapshot.vectors.search(own, 3, every)
        if (cells := snapshot.vectors.cells) is not None:
            cells.search_in(own, 3, cells.nearest_holding(own, 1, 3, every)[0], every)
    if tags is not None and authors is not None:
        tags.rows_of("tides"), tags.rows_with("t"), authors.rows_of("ann reed"), authors.rows_with("")


# --- sources


def items_hold(source: Source) -> list[str]:
    """A source gives items until its end, or says why it cannot; each article can be kept, and is the same again.

    Returns the ids of the articles that it gave.
    """
    ids = []
    try:
        for item in source.read():
            assert isinstance(item, Found | Quarantined | LeftOut | Noted)
            if isinstance(item, Found):
                ids.append(item.article.id)
                assert unpack_found(pack_found(item), item.where).article == item.article
                for each in item.unknown_keys:
                    each.encode("utf-8", "surrogatepass")
            elif isinstance(item, Quarantined):
                assert len(item.reason) < 20_000
    except SourceUnreadable as error:
        told(error)
    return ids


MAPPED = FieldMap({"title": "title.rendered", "author": "authors.name", "url": "https://a.example/{slug}"}, markup=True)


def check_jsonl(content: bytes) -> list[str]:
    """Lines of our own form, and of another's."""
    path = in_file("a.jsonl", content)
    return items_hold(JsonLines(path)) + items_hold(JsonLines(path, MAPPED))


def check_jsonl_gz(content: bytes) -> list[str]:
    """The same, compressed."""
    return items_hold(JsonLines(in_file("a.jsonl.gz", content)))


def check_csv(content: bytes) -> list[str]:
    """The first byte says in which encoding it is said to be."""
    encodings = [None, "cp1252", "utf-16", "utf-8", "shift_jis", "utf-7"]
    path = in_file("a.csv", content[1:])
    return items_hold(CsvTable(path, FieldMap(markup=True), None, encodings[content[0] % 6] if content else None))


def check_parquet(content: bytes) -> list[str]:
    """A file of columns."""
    return items_hold(ParquetTable(in_file("a.parquet", content), FieldMap()))


def check_sql(content: bytes) -> list[str]:
    """A file of SQLite's."""
    path = in_file("a.sqlite", content)
    for left in own_folder().glob("a.sqlite-*"):
        left.unlink()
    return items_hold(
        Query(f"sqlite:///{path}", "SELECT id, title, body, image_width, published FROM articles", FieldMap())
    )


def check_feed(content: bytes) -> list[str]:
    """A feed in a file."""
    return items_hold(Feed(str(in_file("a.xml", content)), FieldMap({"section": "category"})))


def check_sitemap(content: bytes) -> None:
    """A sitemap's bytes."""
    try:
        for entry in read_sitemap(content):
            (entry.url + (entry.lastmod or "") + (entry.published or "")).encode("utf-8", "surrogatepass")
            moments_of(entry.lastmod)
    except SitemapBroken as error:
        told(error)


def check_wordpress_export(content: bytes) -> list[str]:
    """An export in a file."""
    return items_hold(WordPressExport(in_file("w.xml", content)))


class WordPressSite:
    """Gives one answer after the other, and the last for ever.

    The first line of one is how many posts there are; without it, it is an error's.
    """

    def __init__(self, answers: bytes) -> None:
        self._answers = answers.split(b"\0")

    def fetch(self, url: str, bytes_max: int | None = None) -> Fetched:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        total, _, posts = answer.partition(b"\n")
        return Fetched(200 if total else 403, url, {"x-wp-total": total.decode("latin-1")}, posts, None, None)


def check_wordpress_api(content: bytes) -> list[str]:
    """What a site answers: each post comes once."""
    for fields in (FieldMap(), MAPPED):
        site = cast(fetch.Fetcher, WordPressSite(content))
        ids = items_hold(WordPressApi("https://a.example", fields, site, per_page=2))
        assert len(set(ids)) == len(ids)
    return ids


def check_ghost_export(content: bytes) -> list[str]:
    """An export in a file, with and without the site's address."""
    path = in_file("g.json", content)
    items_hold(GhostExport(path))
    return items_hold(GhostExport(path, "https://a.example"))


def check_post(content: bytes) -> None:
    """A post as content systems hand it over, by an address that was asked or in a message."""
    try:
        post = json.loads(content.decode())
    except (ValueError, RecursionError):
        return
    if not isinstance(post, dict):
        return
    for fields_of, number in ((wordpress_fields, 42), (ghost_fields, "42")):
        fields = fields_of(post | {"id": number})
        FieldMap(markup=True).read(fields, "here")
        try:
            orjson.dumps(article_of_post(fields).model_dump())
        except InvalidArticle as error:
            str(error).encode()


def check_page_text(content: bytes) -> list[str]:
    """A page copied as text."""
    return items_hold(PageText(in_file("a.txt", content), "a"))


# What the child process that reads pages makes a reason of (seealso.extract).
PAGE_ERRORS = (PageUnreadable, ValueError, TypeError, KeyError, AttributeError, RecursionError, AssertionError)


def check_page(content: bytes) -> None:
    """A page as HTML."""
    try:
        fields, cards = read_page(decode_page(content))
    except PAGE_ERRORS:
        return
    json.dumps({"fields": fields, "cards": cards}).encode()


def check_robots(content: bytes) -> None:
    """A robots.txt."""
    robots = Protego.parse(content.decode("utf-8-sig", "replace"))
    delay = robots.crawl_delay("Seealso") or 0.0
    assert isinstance(delay <= 60.0, bool)
    robots.can_fetch("https://a.example/tides?x=ä", "Seealso")


def check_gzip(content: bytes) -> None:
    """What a server packed: no more of it is ever there than is allowed."""
    try:
        assert len(unpack_gzip([content], 10_000)) <= 10_000
    except WireFailed as error:
        told(error)


# --- what Redis keeps


def check_kept(content: bytes) -> None:
    """What somebody else wrote under a key of ours is no answer, or one that can be sent."""
    answer = unpacked(content)
    if answer is not None:
        for coding in ("br", "identity"):
            form = answer.form(coding, "Accept-Encoding")
            assert all(isinstance(part, str) for header in form.headers for part in header)
            assert isinstance(form.body, bytes)
        assert all(isinstance(each, str) for each in (*answer.articles, *answer.awaited))


# --- what editors give


def check_address(content: bytes) -> None:
    """An address that somebody typed: nothing is connected to, for no name leads anywhere; and what may be asked for is
    of the host that was checked, as the client that asks will read it.
    """
    url = content.decode("utf-8", "surrogateescape")
    for hosts in ("*", "a.example b.example"):
        asked: list[tuple[str, int]] = []

        def look_up(host: str, port: int, asked: list[tuple[str, int]] = asked) -> list[str]:
            asked.append((host, port))
            return []

        fetcher = Fetcher(hosts, FetchLimits(seconds_max=2.0), look_up=look_up)
        try:
            fetcher.fetch(url)
        except PageNotRead as error:
            str(error).encode("utf-8", "surrogatepass")
        else:
            raise AssertionError("no name leads anywhere, and yet there is a page")
        for host, port in asked:
            assert port in (80, 443)
            assert hosts == "*" or any(host == each or host.endswith(f".{each}") for each in hosts.split()), host
            parts, _, _ = fetcher._checked(url, url)
            read = httpx2.URL(parts.geturl())
            assert read.raw_host.decode().strip("[]") == host, (read.raw_host, host)
            assert (read.port or {"http": 80, "https": 443}[read.scheme]) == port


def check_ip(content: bytes) -> None:
    """An address that a name leads to: what is taken for public is no other one by Python's own tables."""
    texts = [content.decode("latin-1")]
    if len(content) in (4, 16):
        texts.append(str(ip_address(content)))
    for text in texts:
        if is_public(text):
            address = ip_address(text)
            assert address.is_global, text
            assert not any((address.is_multicast, address.is_loopback, address.is_link_local, address.is_private))


def check_markup(content: bytes) -> None:
    """An HTML fragment: its text is text, and no longer than what it was made of."""
    markup = content.decode("utf-8", "surrogateescape")
    text = text_of_markup(markup)
    if "<" in markup or "&" in markup:
        text.encode()
        assert len(text) <= 2 * len(markup) + 2
        assert (
            "<script" not in text.lower() or "&lt;" in markup.lower() or "&#" in markup or "<script" in markup.lower()
        )
    assert line_of_markup(markup) == " ".join(text.split())


def check_upload(content: bytes) -> str | None:
    """A file that an editor gives; a Word document is read here, and not in a process of its own."""
    try:
        with mock.patch("service.uploads.subprocess.run", read_here):
            text = text_of_file("a", content)
    except DraftNotRead as error:
        told(error)
        return None
    text.encode("utf-8", "surrogatepass")
    return text


def read_here(command: Sequence[str], **given: Any) -> CompletedProcess[bytes]:
    """Read a document as its process would, which what is raised here ends."""
    try:
        return CompletedProcess(command, 0, document.text_of(given["input"]), b"")
    except Exception as error:
        return CompletedProcess(command, 1, b"", f"{type(error).__name__}: {error}".encode("utf-8", "replace"))


def check_document(content: bytes) -> str | None:
    """The parts of a Word document, packed as Word packs them."""
    head = {"[Content_Types].xml": TYPES.encode(), "_rels/.rels": RELATIONSHIPS.format(DOCUMENT_PARTS[0]).encode()}
    parts = zip(DOCUMENT_PARTS, content.split(b"\0"), strict=False)
    return check_upload(packed(head | {name: part for name, part in parts if part}))


# --- seeds


def lines(*records: Any) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


ARTICLE = {
    "id": "a", "title": "Tides", "body": "The sea. [sic]", "url": "https://a.example/t", "section": "News",
    "summary": "S", "published": "2025-07-21T06:30:00Z", "updated": "2025-07-22", "author": "A", "tags": ["sea"],
    "language": "en", "image": "https://a.example/i.jpg", "image_width": 640, "image_height": 480,
    "image_srcset": "https://a.example/s.jpg 480w, https://a.example/l.jpg 960w", "editor_related": ["b"],
    "access": "free", "sponsored": False, "sensitive": False, "canonical": "c",
}  # fmt: skip
FEED = b"""<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><language>en</language><item><guid>a</guid>
<link>https://a.example/a</link><title>Tides &amp; sea</title><pubDate>Mon, 21 Jul 2025 06:30:00 GMT</pubDate>
<description>&lt;p&gt;S&lt;/p&gt;</description><content:encoded><![CDATA[<p>The sea.</p>]]></content:encoded>
<category>News</category><media:content url="https://a.example/i.jpg" medium="image"/></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><title type="html">T</title><link href="/a"/>
<updated>2025-07-21T06:30:00Z</updated><author><name>A</name></author><content type="xhtml"><div>B</div></content>
</entry></feed>"""
SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>
<loc>https://a.example/a#x</loc><lastmod>2025-07-21</lastmod><news:news xmlns:news="x"><news:publication_date>2025-07-21
</news:publication_date></news:news></url></urlset>"""
WORDPRESS = b"""<rss xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><language>en</language><wp:wxr_version>1.2</wp:wxr_version>
<wp:author><wp:author_login>ada</wp:author_login><wp:author_display_name>Ada</wp:author_display_name></wp:author><item>
<title>T</title><link>https://a.example/1</link><dc:creator>ada</dc:creator>
<content:encoded><![CDATA[<!-- wp:p -->A [gallery ids="1"] [sic]\n\nB]]></content:encoded>
<excerpt:encoded>S</excerpt:encoded><wp:post_id>7</wp:post_id><wp:post_date>2025-07-21 08:30:00</wp:post_date>
<wp:status>publish</wp:status><wp:post_type>post</wp:post_type><category domain="category">News</category>
<wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>9</wp:meta_value></wp:postmeta></item></channel></rss>"""
GHOST = {
    "db": [{"data": {
        "posts": [{
            "id": "5f", "slug": "t", "title": "T", "html": "<p>B</p>", "custom_excerpt": "S", "status": "published",
            "type": "post", "visibility": "public", "published_at": "2025-07-21T06:30:00.000Z", "updated_at": 1,
            "feature_image": "__GHOST_URL__/i.jpg", "author_id": "u",
        }],
        "tags": [{"id": "t1", "name": "Sea"}], "posts_tags": [{"post_id": "5f", "tag_id": "t1", "sort_order": 0}],
        "users": [{"id": "u", "name": "A"}], "posts_meta": [{"post_id": "5f", "email_only": 0}],
        "settings": [{"key": "locale", "value": "en"}],
    }}]
}  # fmt: skip
POST = {
    "id": 42, "link": "https://a.example/t", "title": {"rendered": "T"}, "excerpt": {"rendered": "S"},
    "content": {"rendered": "<p>B</p>", "protected": False}, "date_gmt": "2025-07-21T06:30:00", "lang": "en",
    "_embedded": {
        "author": [{"name": "A"}], "wp:term": [[{"taxonomy": "category", "name": "N"}]],
        "wp:featuredmedia": [{
            "source_url": "https://a.example/i.jpg", "alt_text": "x", "media_details": {
                "width": 640, "height": 480, "sizes": {"m": {
                    "width": 320, "height": 240, "source_url": "https://a.example/m.jpg"}}}}],
    },
    "html": "<p>B</p>", "tags": [{"name": "Sea", "visibility": "public"}], "primary_tag": {"name": "Sea"},
    "authors": [{"name": "A"}], "published_at": "2025-07-21T06:30:00.000Z", "feature_image": "https://a.example/i.jpg",
}  # fmt: skip
PAGE_TEXT = b"""News
Tides turn early
A summary of it.
Share on Facebook
By Ada Fry
21 July 2025 06:30 - 4 min read
The sea came early. It was high.

Advertisement

Related articles
Sea
Another piece
Of the sea.
20 July 2025
"""
PAGE = b"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>T</title><link rel="canonical"
href="https://a.example/t"><meta property="og:image" content="https://a.example/i.jpg"><meta property="og:image:width"
content="640px"><script type="application/ld+json">{"@graph":[{"@type":"NewsArticle","headline":"T",
"author":[{"name":"A"}],"datePublished":"2025-07-21"}]}</script></head>
<body><main><article><h1>T</h1><p>The sea came early today, and it was as
high as it has been for years.</p><div class="share">Share</div><aside class="related"><h3>Related articles</h3><ul><li>
<a href="/b">B</a><time datetime="2025-07-20">20</time></li></ul></aside></article></main></body></html>"""
BODIES: list[tuple[type[BaseModel], Any]] = [
    (inputs.SimilarBody, {"title": "T", "body": "B", "limit": 3, "section": ["News"], "min_probability": 0.5}),
    (inputs.SimilarBody, {"text": "T", "language": ["en"], "explain": True, "published_after": "2025-07-21"}),
    (inputs.BatchBody, {"articles": ["a", "b"], "mode": "latest"}),
    (inputs.PageBody, {"article": "a", "shown": ["b"], "blocks": [{"name": "below", "limit": 3}]}),
    (inputs.TakedownBody, {"reason": "x", "until": "2030-01-01"}),
    (inputs.RuleBody, {
        "action": "pin", "under": {"article": "a"}, "about": {"article": "b"}, "number": 1, "reason": "x",
    }),
    (inputs.PlanBody, {"make": [{"action": "bury", "about": {"word": "sea"}}], "undo": [1], "mode": "background"}),
    (inputs.UndoBody, {"changes": [1, 2]}),
    (inputs.KeyBody, {"name": "Ann", "scope": "editor", "expires": None}),
    (inputs.ReasonBody, {"reason": "x"}),
    (inputs.ArticleBody, ARTICLE),
    (inputs.ImportBody, {"articles": [{"id": "a", "title": "T", "body": "B"}]}),
    (inputs.EventsBody, {"blocks": [{
        "article": "a", "shown": ["b"], "clicked": [{"item": "b", "slot": 1, "team": "a"}], "teams": ["b"],
        "slots": [3],
    }]}),
    (webhooks.WordPressMessage, {"event": "published", "time": 1, "post": {"id": 42}}),
    (webhooks.GhostMessage, {"post": {"current": {"id": "42"}, "previous": {}}}),
]  # fmt: skip
BLOCK_QUERY = b"limit=3&section=News&mode=latest&min_probability=0.5&published_after=2025-07-21&language=en&exclude=a"
QUERIES: list[tuple[type[BaseModel], bytes]] = [
    (inputs.RelatedQuery, BLOCK_QUERY),
    (inputs.RelatedQuery, b"explain=1&stories=all&limit=%D9%A3&limit=1&x=%00%ff"),
    (inputs.BlockQuery, b"layout=list&heading=2&images=1&theme=dark&lang=de&json_ld=0&placement=aside"),
    (inputs.ReasonQuery, b"reason=x"),
    (inputs.RulesQuery, b"article=a&section=News"),
    (inputs.ChangesQuery, b"after=3&subject=a&limit=5"),
    (inputs.PurgesQuery, b"state=waiting&limit=5"),
    (inputs.DaysQuery, b"first=2025-07-21&last=2025-07-22"),
    (inputs.ClicksQuery, b"first=2025-07-21&by=article&article=a&item=b"),
]
BLOCK_ADDRESSES = [
    b"/v1/articles/a/related?" + BLOCK_QUERY,
    b"/v1/articles/https://a.example/\xc3\xa4/related.html?layout=grid&placement=aside",
    b"/v1/articles/\xff/related?section=%FF",
]
MESSAGES = [
    b'\2\n{"event": "published", "time": NOW, "post": ' + orjson.dumps(POST) + b"}",
    b'\2\n{"event": "removed", "time": NOW, "post": {"id": 42}}',
    b'\3\n{"post": {"current": ' + orjson.dumps(POST | {"id": "42", "status": "published", "title": "T"}) + b"}}",
    b'\3\n{"post": {"current": {}, "previous": {"id": "42"}}}',
    b"\0sha256=" + b"0" * 64 + b'\n{"event": "removed", "time": NOW, "post": {"id": 42}}',
    b"\1sha256=" + b"0" * 64 + b', t=NOW000\n{"post": {"current": {}, "previous": {"id": "42"}}}',
]
SIGNED = b"Authorization: Bearer KEY\n"
JSON = b"Content-Type: application/json\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\nSec-Fetch-Site: same-origin\n"
PIN = b'{"action": "pin", "under": {"article": "42"}, "about": {"article": "tides"}, "number": 1}'
REQUESTS = [
    b"GET /v1/articles/42/related?limit=3&explain=1\nAccept-Encoding: br;q=0.5, gzip, *;q=0\nHost: a.example\n"
    b'Origin: https://a.example\nIf-None-Match: W/"a", *\nX-Request-Id: a-1\n\n',
    b"HEAD /v1/articles/42/related.html?layout=grid\nRange: bytes=0-\nIf-Modified-Since: Mon, 30 Nov 2026 00:00:00 GMT"
    b"\n\n",
    b"OPTIONS /v1/similar\nOrigin: null\nAccess-Control-Request-Method: POST\n\n",
    b"POST /v1/similar\n" + JSON + b'\n{"text": "tides moon", "limit": 3}',
    b"POST /v1/related\n" + JSON + b'\n{"articles": ["42"]}',
    b"POST /v1/events\nContent-Type: text/plain;charset=UTF-8\nSec-GPC: 0\nUser-Agent: Mozilla/5.0\n\n"
    b'{"blocks": [{"article": "42", "block": "below", "shown": ["tides"], "clicked": [{"item": "tides", "slot": 1}]}]}',
    b"PUT /v1/articles/42\n" + JSON + SIGNED + b'\n{"title": "T", "body": "B"}',
    b"POST /desk/login\n" + FORM + b"Cookie: seealso=a.b; x=y\n\nkey=KEY&next=%2Fdesk%2Fdraft",
    b"POST /desk/save/42\n" + JSON + SIGNED + b'\n{"make": [' + PIN + b'], "reason": "the news of the day"}',
    b"POST /desk/draft\nContent-Type: multipart/form-data; boundary=-x\nSec-Fetch-Site: same-origin\n" + SIGNED
    + b'\n---x\r\nContent-Disposition: form-data; name="file"; filename="t.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"Tides\r\n---x--\r\n",
    b"GET /desk/archive?q=tides\nAccept-Language: de, en;q=0.5\n" + SIGNED + b"\n",
    b"GET /desk/log.csv\n" + SIGNED + b"\n",
    b"POST /v1/articles/tides/takedown\n" + JSON + SIGNED + b'\n{"reason": "x"}',
    b"DELETE /v1/articles/tides/takedown?reason=mended\n" + SIGNED + b"\n",
]  # fmt: skip
WORDPRESS_ANSWERS = [
    b"3\n" + orjson.dumps([POST | {"id": 1}, POST | {"id": 2}]) + b"\x003\n" + orjson.dumps([{"id": 2}, {"id": 3}]),
    b"\n" + orjson.dumps({"code": "rest_forbidden", "message": "Only for logged&#8211;in users."}),
]
DOCUMENT_PARTS = [
    *("word/document.xml", "word/_rels/document.xml.rels", "word/styles.xml", "word/numbering.xml"),
    *("word/footnotes.xml", "word/comments.xml"),
]
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DOCUMENT = (
    f'<w:document {WORD}><w:body><w:p><w:pPr><w:pStyle w:val="a"/></w:pPr><w:r><w:t>Tides</w:t><w:tab/><w:br/></w:r>'
    '<w:r><w:footnoteReference w:id="1"/></w:r></w:p><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl></w:body>'
    "</w:document>"
    f'\0\0<w:styles {WORD}><w:style w:type="paragraph" w:styleId="a"><w:name w:val="heading 1"/></w:style></w:styles>'
    f'\0<w:numbering {WORD}><w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
    f'\0<w:footnotes {WORD}><w:footnote w:id="1"><w:p/></w:footnote></w:footnotes>'
).encode()


KEPT = Answer("20261128T000000Z-0123456789ab", "text/html", "max-age=60", ("a",), ("a", "b"), {"identity": b"<p>"})


def of_model(model: type[BaseModel], content: bytes) -> bytes:
    return bytes([MODELS.index(model)]) + content


@cache
def parquet_seed() -> bytes:
    import pyarrow

    rows = [{"id": "a", "title": "T", "body": "B", "published": datetime(2025, 7, 21), "tags": ["sea"]}]
    path = own_folder() / "seed.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, compression="none")
    return path.read_bytes()


@cache
def sqlite_seed() -> bytes:
    import sqlite3

    path = own_folder() / "seed.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA page_size = 512")
        database.execute("CREATE TABLE articles (id, title TEXT, body TEXT, image_width, published)")
        database.execute("INSERT INTO articles VALUES (1, 'T', 'B', 640, '2025-07-21'), ('b', x'ff', 'B', 1.5, 7)")
    database.close()
    return path.read_bytes()


def targets() -> dict[str, Target]:
    """Return all targets by name."""
    manifests = [(folder / MANIFEST).read_bytes() for folder in (kept_snapshot(2), fuzzed_snapshot())]
    snapshot_seeds = [
        bytes([number, age << 1, number, 0]) + b"\xff"
        for age, (_, names) in enumerate(fuzzed_snapshots())
        for number in range(len(names))
    ]
    return {
        "request": Target(check_request, REQUESTS),
        "query": Target(check_query, [of_model(*seed) for seed in QUERIES]),
        "body": Target(check_body, [of_model(model, orjson.dumps(body)) for model, body in BODIES]),
        "block-address": Target(check_block_address, BLOCK_ADDRESSES),
        "webhook": Target(check_webhook, MESSAGES),
        "manifest": Target(check_manifest, manifests, 12_000),
        "snapshot": Target(check_snapshot, snapshot_seeds),
        "jsonl": Target(check_jsonl, [lines(ARTICLE, {"id": 7, "title": {"rendered": "<p>"}, "slug": "s"})]),
        "jsonl-gz": Target(check_jsonl_gz, [zlib.compress(lines(ARTICLE, ARTICLE | {"id": "b"}), wbits=31)]),
        "csv": Target(check_csv, [b'\0id,title,body,tags,published\na,T,"B\nb","sea,moon",1767322800\n']),
        "parquet": Target(check_parquet, [parquet_seed()], 8_192),
        "sql": Target(check_sql, [sqlite_seed()], 8_192),
        "feed": Target(check_feed, [FEED, ATOM]),
        "sitemap": Target(check_sitemap, [SITEMAP, b"https://a.example/a\nhttps://a.example/b\n"]),
        "wordpress-export": Target(check_wordpress_export, [WORDPRESS]),
        "wordpress-api": Target(check_wordpress_api, WORDPRESS_ANSWERS),
        "ghost-export": Target(check_ghost_export, [orjson.dumps(GHOST)]),
        "post": Target(check_post, [orjson.dumps(POST)]),
        "page-text": Target(check_page_text, [PAGE_TEXT]),
        "page": Target(check_page, [PAGE]),
        "robots": Target(check_robots, [b"User-agent: *\nDisallow: /a*$\nCrawl-delay: 2\nAllow: /\n"]),
        "gzip": Target(check_gzip, [zlib.compress(b"sea " * 9, wbits=31)]),
        "kept": Target(check_kept, [KEPT.packed()]),
        "address": Target(
            check_address,
            [b"https://a.example:443/t?x=1#y", b"http://[::ffff:127.0.0.1]/", "http://bücher.a.example/ä".encode()],
            500,
        ),
        "ip": Target(check_ip, [b"127.0.0.1", b"2001:db8::1", bytes(4), bytes(16), b"fe80::1%eth0"], 60),
        "markup": Target(check_markup, [b"<p>The <b>sea</b> &amp; &#x6d;oon</p><ul><li>a<br>b</ul><!-- c -->"]),
        "upload": Target(
            check_upload, [b"Title\r\n\r\nText", PAGE, b"PK\x03\x04" + bytes(40), b"{\\rtf1}", document_of("Tides")]
        ),
        "document": Target(check_document, [DOCUMENT]),
    }
