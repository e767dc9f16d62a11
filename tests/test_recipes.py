"""The recipes in examples/, each executed by what it is for: Django, Hugo, Eleventy, React, Handlebars."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seealso.project import Project
from tests.conftest import ROOT
from tests.hosted import hosted
from tests.javascript import MODULES, NODE_FOLDER, compile_typescript, node, run_node
from tests.listener import listening
from tests.makers import article, articles, index_of
from tests.servers import free_port

EXAMPLES = ROOT / "examples"
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
    index_of(folder, [*articles(12, section="News", summary="A summary."), hostile])
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


@pytest.fixture(scope="module")
def related_articles() -> Iterator[Any]:
    """The template tag, in a Django that is set up for it."""
    from django import setup
    from django.conf import settings

    sys.path.insert(0, str(EXAMPLES / "django"))
    settings.configure(
        INSTALLED_APPS=["related_articles"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        SEEALSO={"URL": ""},
    )
    setup()
    yield importlib.import_module("related_articles.templatetags.related_articles")
    sys.path.remove(str(EXAMPLES / "django"))


@pytest.fixture
def in_django(related_articles: Any) -> Callable[..., str]:
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
    )
    shutil.copytree(EXAMPLES / "hugo/layouts", tmp_path / "layouts")
    (tmp_path / "layouts/_default").mkdir()
    page = '<h1>{{ .Title }}</h1>{{ .Content }}{{ partial "related.html" . }}'
    (tmp_path / "layouts/_default/single.html").write_text(page)
    (tmp_path / "layouts/_default/list.html").write_text("{{ .Title }}")
    blocks_written("hugo", tmp_path / "content", tmp_path / "data/related.json", url)
    done = subprocess.run([program, "--source", str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    check_pages(tmp_path / "public")


def test_eleventy_builds_pages_that_end_in_the_block(tmp_path: Path, url: str) -> None:
    program = node()
    write_posts(tmp_path / "posts")
    shutil.copytree(EXAMPLES / "eleventy/_includes", tmp_path / "_includes")
    page = '<h1>{{ title }}</h1>{{ content | safe }}{% include "related.njk" %}'
    (tmp_path / "_includes/article.njk").write_text(page)
    blocks_written("eleventy", tmp_path / "posts", tmp_path / "_data/related.json", url)
    command = [program, str(MODULES / "@11ty/eleventy/cmd.cjs"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    check_pages(tmp_path / "_site/posts")


# Next.js


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The component and the client, compiled, beside the packages that they import."""
    node()
    folder = tmp_path_factory.mktemp("nextjs")
    client = folder / "node_modules/seealso-client"
    compile_typescript("-p", ROOT / "clients/typescript", "--outDir", client / "dist")
    shutil.copy(ROOT / "clients/typescript/package.json", client)
    for name in ("react", "react-dom", "scheduler", "@types", "csstype"):
        (folder / "node_modules" / name).symlink_to(MODULES / name)
    (folder / "package.json").write_text('{"type": "module"}')
    # Of node, the component knows one name, which Next.js's own types declare.
    (folder / "node.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
    shutil.copy(EXAMPLES / "nextjs/related.tsx", folder)
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
    assert told["html"].rstrip().endswith('<script async src="https://related.example/related.js"></script>')
    assert told["asked"] == [["posts", "primary_tag:news+id:-67447438e61fb200012f48e0", "3"]]
