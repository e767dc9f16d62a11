"""The recipes in examples/, each executed by what it is for: Django, Hugo, Eleventy, Next.js, Handlebars."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from seealso.client import Client, Problem
from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from seealso.project import Project
from tests.conftest import ROOT
from tests.hosted import hosted
from tests.javascript import MODULES, NODE_FOLDER, compile_typescript, node, run_node, run_program
from tests.listener import listening
from tests.makers import article, articles, index_of
from tests.servers import free_port, request, wait_until
from tests.written import code_blocks

EXAMPLES = ROOT / "examples"
NEXT = MODULES / "next/dist/bin/next"
PURGES = "Bearer of news"
HOSTILE = "Tide <script>x()</script> & time"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    hostile = article(
        "hostile",
        title=HOSTILE,
        url="https://news.example/?a=1&b=2",
        body="tides moon sea harbour",
        published="2026-11-28",
    )
    dotted = article("tides.js", title="Tides in a browser", body="program browser tides moon canvas drawing")
    index_of(folder, [*articles(12, section="News", summary="A summary."), hostile, dotted])
    return folder


@pytest.fixture(scope="module")
def url(index: Path, redis_url: str) -> Iterator[str]:
    with hosted(index, redis_url) as address:
        yield address


@pytest.mark.parametrize("name", ["django", "eleventy", "ghost", "hugo", "nextjs"])
def test_each_recipe_says_in_a_few_lines_what_to_do(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text()
    assert len(text.splitlines()) < 40
    for block in re.findall(r"^ +(\[\[source\]\]\n(?: +.+\n)+)", text, re.M):
        Project.model_validate(tomllib.loads(block))


# Django


# An application of a newsroom, whose apps.py is what the recipe's README says.
MODELS = """
from django.db import models

class Article(models.Model):
    title, text, published = models.TextField(), models.TextField(), models.BooleanField(default=True)

    def get_absolute_url(self):
        return f"/{self.pk}/"
"""


@pytest.fixture(scope="module")
def related_articles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The template tag, in a Django that is set up for it."""
    from django import setup
    from django.conf import settings

    folder = tmp_path_factory.mktemp("django")
    written = re.search(r"^    class NewsConfig.*", (EXAMPLES / "django/README.md").read_text(), re.M | re.S)
    assert written
    (folder / "news").mkdir()
    (folder / "news/models.py").write_text(MODELS)
    (folder / "news/apps.py").write_text("from django.apps import AppConfig\n\n" + textwrap.dedent(written[0]))
    sys.path[:0] = [str(EXAMPLES / "django"), str(folder)]
    settings.configure(
        INSTALLED_APPS=["related_articles", "news"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        SEEALSO={"URL": ""},
    )
    setup()
    yield importlib.import_module("related_articles.templatetags.related_articles")
    del sys.path[:2]


@pytest.fixture
def patient(related_articles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is no slow service."""
    for part in ("templatetags.related_articles", "telling"):
        monkeypatch.setattr(f"related_articles.{part}.SECONDS_MAX", 30.0)


@pytest.fixture
def saved(related_articles: Any) -> Iterator[Any]:
    """The model of an article, its table, and a cache in which nothing is."""
    from django.apps import apps
    from django.core.cache import cache
    from django.db import connection

    cache.clear()
    model = apps.get_model("news", "Article")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    yield model
    with connection.schema_editor() as editor:
        editor.delete_model(model)


@pytest.fixture
def in_django(related_articles: Any, patient: None) -> Callable[..., str]:
    from django.conf import settings
    from django.core.cache import cache
    from django.template import engines

    cache.clear()

    def render(address: str, given: str = "article.id") -> str:
        settings.SEEALSO = {"URL": address}
        related_articles.service.cache_clear()
        template = engines["django"].from_string("{% load related_articles %}{% related_articles " + given + " %}")
        return str(template.render({"article": {"id": "a000"}}))

    return render


def test_django_shows_the_block_as_it_is_asked_for(in_django: Callable[..., str], url: str) -> None:
    shown = in_django(url, "article.id limit=2")
    assert shown.startswith('<section class="seealso')
    assert shown.count("<li") == 2
    assert "&lt;script" in in_django(url)


def test_what_django_saves_and_deletes_is_told_once_it_is_committed(
    saved: Any, patient: None, index: Path, url: str
) -> None:
    from django.conf import settings
    from django.db import transaction

    key = create_key(Store(index), "django", "index", "a test")[1]
    settings.SEEALSO = {"URL": url, "INDEX_KEY": key}

    def told(article_id: int) -> tuple[str, str | None]:
        with Client(url) as client:
            known = client.article(str(article_id))
            return known["title"], known["url"]

    piece = saved.objects.create(title="Neap", text="tides moon sea harbour")
    there = ("Neap", f"https://news.example/{piece.pk}/")
    assert told(piece.pk) == there
    with transaction.atomic():
        saved.objects.create(pk=900, title="Never", text="tides")
        transaction.set_rollback(True)
    with pytest.raises(Problem, match="900"):
        told(900)
    for published in (False, True):
        piece.published = published
        piece.save()
        if published:
            assert told(piece.pk) == there
        else:
            with pytest.raises(Problem, match="no article"):
                told(piece.pk)
    article_id = piece.pk
    piece.delete()
    with pytest.raises(Problem, match="no article"):
        told(article_id)


def test_django_saves_whatever_the_service_does(saved: Any, patient: None) -> None:
    from django.conf import settings

    with listening() as listener:
        listener.statuses = [503]
        settings.SEEALSO = {"URL": listener.url, "INDEX_KEY": "key"}
        saved.objects.create(title="Neap", text="tides").delete()
        assert [method for method, *_ in listener.asked] == ["PUT", "DELETE"]
    settings.SEEALSO = {"URL": f"http://127.0.0.1:{free_port()}", "INDEX_KEY": "key"}
    saved.objects.create(title="Neap", text="tides")
    assert saved.objects.count() == 1


def test_who_deletes_many_in_django_waits_for_a_service_that_hangs_once(
    saved: Any, request: pytest.FixtureRequest
) -> None:
    from django.conf import settings
    from django.core.cache import cache

    saved.objects.bulk_create([saved(title=str(number), text="tides") for number in range(3)])
    with listening() as listener:
        listener.instead = lambda handler: time.sleep(3)
        settings.SEEALSO = {"URL": listener.url, "INDEX_KEY": "key"}
        saved.objects.all().delete()
        assert len(listener.asked) == 1
        cache.clear()  # a while later
        request.getfixturevalue("patient")
        listener.instead = None
        for status in (503, 200):  # which was an answer
            listener.statuses = [status]
            saved.objects.create(title="Neap", text="tides")
        assert len(listener.asked) == 3


def test_django_shows_nothing_on_errors_and_asks_a_service_that_fails_once(in_django: Callable[..., str]) -> None:
    assert in_django(f"http://127.0.0.1:{free_port()}") == ""
    with listening() as listener:
        assert in_django(listener.url) == ""
        assert listener.asked == []  # it was silent a moment ago


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (410, 1), (503, 1), (429, 1)])
def test_django_never_shows_an_error(in_django: Callable[..., str], status: int, asked: int) -> None:
    with listening() as listener:
        listener.statuses = [status]
        assert in_django(listener.url) == in_django(listener.url) == ""
    assert len(listener.asked) == asked


def test_django_keeps_a_block_and_shows_it_while_the_service_fails(
    in_django: Callable[..., str], related_articles: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = in_django(url)
    with listening() as listener:
        assert in_django(listener.url) == shown
        assert listener.asked == []
        later = related_articles.time.time() + related_articles.FRESH_SECONDS + 1
        monkeypatch.setattr(related_articles.time, "time", lambda: later)
        listener.statuses = [503]
        assert in_django(listener.url) == shown
        assert len(listener.asked) == 1


def test_django_has_one_page_wait_for_a_new_block_where_there_is_an_older_one(
    in_django: Callable[..., str], related_articles: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = related_articles.cache
    shown = in_django(url)
    later = related_articles.time.time() + related_articles.FRESH_SECONDS + 1
    monkeypatch.setattr(related_articles.time, "time", lambda: later)
    with listening() as listener:
        cache.set(related_articles.ASKING, True, 100)  # another page does, at this moment
        assert in_django(listener.url) == shown
        assert listener.asked == []
    assert in_django(url, "article.id limit=2").count("<li") == 2  # which was never shown
    assert cache.get(related_articles.ASKING) is None


# Hugo and Eleventy


def post(folder: Path, name: str, *front: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["---", f"title: {name}", *front, "---", "id: none, this is text", ""]))


def write_posts(folder: Path) -> None:
    post(folder, "a000.md", "layout: article.njk")
    post(folder, "a001/index.md", "layout: article.njk")
    post(folder, "other.md", "layout: article.njk", "seealso: 'a002'")
    post(folder, "unknown.md", "layout: article.njk")


def script_of(kind: str) -> list[str]:
    if kind == "hugo":
        return [sys.executable, str(EXAMPLES / "hugo/related.py")]
    return [node(), str(EXAMPLES / "eleventy/related.mjs")]


def blocks_written(kind: str, content: Path, data: Path, address: str) -> tuple[dict[str, Any], str]:
    environment = os.environ | {"SEEALSO_SERVICE": address}
    command = [*script_of(kind), str(content), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(data.read_text()), done.stderr


@pytest.mark.parametrize("kind", ["hugo", "eleventy"])
def test_blocks_of_all_articles_are_written_before_the_site_is_built(kind: str, tmp_path: Path, url: str) -> None:
    write_posts(tmp_path / "posts")
    blocks, told = blocks_written(kind, tmp_path / "posts", tmp_path / "data/related.json", url)
    assert set(blocks) == {"a000", "a001", "a002"}
    assert all(len(block) <= 6 for block in blocks.values())
    assert "3 of 4 articles" in told


@pytest.mark.parametrize("kind", ["hugo", "eleventy"])
def test_blocks_of_the_last_build_stay_while_the_service_fails(kind: str, tmp_path: Path) -> None:
    write_posts(tmp_path / "posts")
    data = tmp_path / "data/related.json"
    gone = f"http://127.0.0.1:{free_port()}"
    blocks, told = blocks_written(kind, tmp_path / "posts", data, gone)
    assert blocks == {}
    assert "did not answer" in told
    data.write_text('{"a000": []}')
    assert blocks_written(kind, tmp_path / "posts", data, gone)[0] == {"a000": []}


@pytest.mark.parametrize("kind", ["hugo", "eleventy"])
@pytest.mark.parametrize("body", [b"<html>", b'{"other": 1}', b"\xff", None])
def test_answer_that_is_none_stops_no_build(kind: str, body: bytes | None, tmp_path: Path) -> None:
    def answer(handler: Any) -> None:
        if body is None:
            handler.wfile.write(b"no HTTP\r\n\r\n")
            handler.close_connection = True
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    write_posts(tmp_path / "posts")
    with listening() as listener:
        listener.instead = answer
        blocks, told = blocks_written(kind, tmp_path / "posts", tmp_path / "related.json", listener.url)
    assert blocks == {}
    assert "the blocks of the last build stay" in told


@pytest.mark.parametrize("kind", ["hugo", "eleventy"])
def test_five_hundred_are_asked_for_at_once(kind: str, tmp_path: Path) -> None:
    for number in range(501):
        post(tmp_path / "posts", f"p{number}.md")

    def answer(handler: Any) -> None:
        body = b'{"snapshot": "s", "blocks": [], "unknown": []}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with listening() as listener:
        listener.instead = answer
        blocks_written(kind, tmp_path / "posts", tmp_path / "related.json", listener.url)
    assert sorted(len(json.loads(body)["articles"]) for _, _, _, body in listener.asked) == [1, 500]


def check_pages(pages: Path) -> None:
    first = (pages / "a000/index.html").read_text()
    assert '<section class="seealso">' in first
    assert "&lt;script&gt;x()&lt;/script&gt;" in first
    assert "<script>x()" not in first
    assert re.search(r'href="https://news\.example/\?a=1&amp;b=2"', first)
    assert '<p class="seealso-section">News</p>' in first
    assert '<time class="seealso-date" datetime="2026-11-28' in first
    for name in ("a001", "other"):
        assert "seealso-card" in (pages / name / "index.html").read_text(), name
    assert "seealso" not in (pages / "unknown/index.html").read_text()


def test_hugo_builds_pages_that_end_in_the_block(tmp_path: Path, url: str) -> None:
    program = shutil.which("hugo")
    if program is None:
        assert "CI" not in os.environ, "Hugo is not installed (Debian: apt-get install hugo)"
        pytest.skip("Hugo is not installed (Debian: apt-get install hugo)")
    write_posts(tmp_path / "content")
    (tmp_path / "config.toml").write_text(
        'baseURL = "https://news.example/"\ndisableKinds = ["taxonomy", "term", "RSS"]\n'
        "[languages.en]\n[languages.fr]\n"
    )
    shutil.copytree(EXAMPLES / "hugo/layouts", tmp_path / "layouts")
    (tmp_path / "layouts/_default").mkdir()
    page = '<h1>{{ .Title }}</h1>{{ .Content }}{{ partial "related.html" . }}'
    (tmp_path / "layouts/_default/single.html").write_text(page)
    (tmp_path / "layouts/_default/list.html").write_text("{{ .Title }}")
    post(tmp_path / "content", "a003.fr.md")
    post(tmp_path / "content", "a004/index.fr.md")
    post(tmp_path / "content", "tides.js.md")  # which is no language of the site, but the article's name
    _, told = blocks_written("hugo", tmp_path / "content", tmp_path / "data/related.json", url)
    assert "6 of 7 articles" in told
    done = subprocess.run([program, "--source", str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    check_pages(tmp_path / "public")
    assert "seealso-card" in (tmp_path / "public/tides.js/index.html").read_text()
    for name in ("a003", "a004"):
        assert "seealso-card" in (tmp_path / "public/fr" / name / "index.html").read_text(), name


def test_eleventy_builds_pages_that_end_in_the_block(tmp_path: Path, url: str) -> None:
    program = node()
    write_posts(tmp_path / "posts")
    shutil.copytree(EXAMPLES / "eleventy/_includes", tmp_path / "_includes")
    page = '<h1>{{ title }}</h1>{{ content | safe }}{% include "related.njk" %}'
    (tmp_path / "_includes/article.njk").write_text(page)
    post(tmp_path / "posts", "2026-11-28-a003.md", "layout: article.njk")
    post(tmp_path / "posts", "2026-11-28-a004/index.md", "layout: article.njk")
    blocks_written("eleventy", tmp_path / "posts", tmp_path / "_data/related.json", url)
    command = [program, str(MODULES / "@11ty/eleventy/cmd.cjs"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    check_pages(tmp_path / "_site/posts")
    dated = sorted((tmp_path / "_site/posts").glob("*a00[34]/index.html"))
    assert ["seealso-card" in path.read_text() for path in dated] == [True, True]


# Next.js


# A site whose page and route handler are what the recipe's README says.
NEXT_SITE = {
    "package.json": '{"private": true}',
    "tsconfig.json": '{"compilerOptions": {"jsx": "react-jsx", "paths": {"@/*": ["./*"]}}}',
    # Next.js checks types by TypeScript's own library, which that version no longer has; tsc checks them below.
    "next.config.mjs": "export default { typescript: { ignoreBuildErrors: true } };",
    "app/layout.tsx": "export default ({ children }) => <html><body>{children}</body></html>;",
    "app/posts/[id]/page.tsx": """
%(imports)s

export default async function Page({ params }) {
  const post = await params;
  return <main><h1>{post.id}</h1>%(element)s</main>;
}
""",
    "app/related-changed/route.ts": "%(route)s",
}


def client_in(modules: Path) -> None:
    """Put the client, compiled, among a site's packages."""
    client = modules / "seealso-client"
    compile_typescript("-p", ROOT / "clients/typescript", "--outDir", client / "dist")
    shutil.copy(ROOT / "clients/typescript/package.json", client)


def put_component(folder: Path) -> None:
    """Put the component into a folder, where it waits longer: a machine that is busy with tests is no slow service."""
    text = (EXAMPLES / "nextjs/related.tsx").read_text()
    assert text.count("timeoutMs: 800") == 1
    (folder / "related.tsx").write_text(text.replace("timeoutMs: 800", "timeoutMs: 30_000"))


@pytest.fixture(scope="module")
def site_of_next(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    node()
    folder = tmp_path_factory.mktemp("next")
    _, page, route = [text for _, text in code_blocks((EXAMPLES / "nextjs/README.md").read_text())]
    imports, element = page.split("\n\n", 1)
    for name, text in NEXT_SITE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text % {"imports": imports, "element": element, "route": route})
    (folder / "components").mkdir()
    put_component(folder / "components")
    (folder / "node_modules").mkdir()
    for package in MODULES.iterdir():
        (folder / "node_modules" / package.name).symlink_to(package)
    client_in(folder / "node_modules")
    # CI: what is missing is said, and not installed.
    run_program("env", "CI=1", "NEXT_TELEMETRY_DISABLED=1", node(), NEXT, "build", "--webpack", folder=folder)
    return folder


@contextmanager
def next_serving(folder: Path, service: str) -> Iterator[str]:
    """Serve the site until the block ends; yields its address."""
    port, log = free_port(), folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [node(), NEXT, "start", "--hostname", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=os.environ
            | {"SEEALSO_SERVICE": service, "SEEALSO_PURGE_AUTHORIZATION": PURGES, "NEXT_TELEMETRY_DISABLED": "1"},
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until(f"{address}/posts/nobody", process, time.monotonic(), log)
            yield address
        finally:
            process.terminate()
            process.wait()


def test_a_site_of_next_shows_the_block_until_it_is_told_of_a_change(
    site_of_next: Path, index: Path, redis_url: str
) -> None:
    def cards(article_id: str) -> list[str]:
        answer = request(urllib.request.Request(f"{site}/posts/{article_id}"), 30)
        assert answer.status == 200
        return re.findall(r'<li class="seealso-card">.*?</li>', answer.body.decode())

    with ExitStack() as service, next_serving(site_of_next, service.enter_context(hosted(index, redis_url))) as site:
        shown = cards("a000")
        assert len(shown) == 4
        assert sum('<a href="https://news.example/?a=1&amp;b=2">Tide &lt;script&gt;' in card for card in shown) == 1
        assert cards("nobody") == []
        service.close()
        assert cards("a000") == shown
        told = urllib.request.Request(f"{site}/related-changed", data=b"{}", method="POST")
        for stranger in ({}, {"Authorization": "Bearer of bad news"}):
            told.headers = stranger
            assert request(told, 30).status == 401
        assert cards("a000") == shown
        told.headers = {"Authorization": PURGES}
        assert request(told, 30).status == 204
        assert cards("a000") == []


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The component and the client, compiled, beside the packages that they import."""
    node()
    folder = tmp_path_factory.mktemp("nextjs")
    client_in(folder / "node_modules")
    for name in ("react", "react-dom", "scheduler", "@types", "csstype"):
        (folder / "node_modules" / name).symlink_to(MODULES / name)
    (folder / "package.json").write_text('{"type": "module"}')
    # Of node, the component knows one name, which Next.js's own types declare.
    (folder / "node.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
    put_component(folder)
    options = ["--strict", "--jsx", "react-jsx", "--module", "nodenext", "--target", "es2022", "--types", "react"]
    compile_typescript(*options, "--outDir", folder / "dist", folder / "node.d.ts", folder / "related.tsx")
    shutil.copy(NODE_FOLDER / "render.mjs", folder)
    return folder


def rendered(component: Path, article_id: str, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SEEALSO_SERVICE", address)
    return run_node("render.mjs", component / "dist/related.js", article_id, folder=component).strip()


def test_server_component_renders_the_block(component: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    html = rendered(component, "a000", url, monkeypatch)
    assert html.startswith('<section class="seealso"><h2 class="seealso-heading">Related articles</h2>')
    assert html.count("<li") == 4
    assert "Tide &lt;script&gt;" in html
    assert '<time class="seealso-date" dateTime="2026-11-28T00:00:00Z">November 28, 2026</time>' in html


def test_server_component_renders_nothing_on_errors(component: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(component, "nobody", url, monkeypatch) == "null"
    assert rendered(component, "a000", f"http://127.0.0.1:{free_port()}", monkeypatch) == "null"

    def other(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "12")
        handler.end_headers()
        handler.wfile.write(b'{"other": 1}')

    with listening() as listener:
        listener.instead = other
        assert rendered(component, "a000", listener.url, monkeypatch) == "null"


# Ghost


def test_partial_of_a_theme_has_the_element_with_links_in_it() -> None:
    node()
    others = [{"url": "https://news.example/a/", "title": "Tide & time"}]
    post = {"id": "67447438e61fb200012f48e0", "primary_tag": {"slug": "news"}, "others": others}
    told = json.loads(run_node("handlebars.mjs", EXAMPLES / "ghost/related.hbs", json.dumps(post)))
    element = re.search(r"<seealso-block ([^>]*)>(.*)</seealso-block>", told["html"], re.S)
    assert element
    assert 'article="67447438e61fb200012f48e0"' in element[1]
    assert 'lang="de"' in element[1]
    assert '<a href="https://news.example/a/">Tide &amp; time</a>' in element[2]
    assert told["html"].rstrip().endswith(' src="https://related.example/related.js"></script>')
    assert told["asked"] == [["posts", "primary_tag:news+id:-67447438e61fb200012f48e0", "3"]]
    untagged = json.dumps({"id": "67447438e61fb200012f48e0", "others": others})
    told = json.loads(run_node("handlebars.mjs", EXAMPLES / "ghost/related.hbs", untagged))
    assert "<seealso-block" in told["html"]
    assert told["asked"] == []
