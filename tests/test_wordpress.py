"""examples/wordpress/seealso as it stands, run by PHP on as much of WordPress as it calls, asking a real service."""

import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from seealso.editorial.store import Store
from seealso.editorial.takedowns import take_down_in
from service.wanted import LIMIT_MAX
from tests.conftest import ROOT
from tests.hosted import hosted
from tests.listener import listening
from tests.makers import article, articles, index_of
from tests.servers import free_port

PLUGIN = ROOT / "examples/wordpress/seealso"
SECRET = "a secret of %41 length"
ABOUT_TIDES = "tides moon sea harbour"


@pytest.fixture(scope="session")
def php() -> str:
    program = shutil.which("php")
    ready = program and "curl" in subprocess.run([program, "-m"], capture_output=True, text=True).stdout.split()
    if not program or not ready:
        assert "CI" not in os.environ, "PHP is not installed (Debian: apt-get install php-cli php-curl)"
        pytest.skip("PHP is not installed (Debian: apt-get install php-cli php-curl)")
    return program


def literal(text: object) -> str:
    """Return a text as PHP writes it, with nothing in it that PHP reads."""
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


class Site:
    """A WordPress with the plugin, its settings and some posts; each `run` is one process, and begins anew.

    `patient`: it waits for a service longer than the plugin says.
    """

    def __init__(self, php: str, url: str, patient: bool = True) -> None:
        self._php = php
        self._patient = patient
        self.options: dict[str, Any] = {"url": url, "secret": SECRET}

    def run(self, code: str) -> Any:
        """Run some PHP, and return what it returns."""
        script = f"""<?php
            error_reporting(E_ALL);
            set_error_handler(function ($kind, $told, $file, $line) {{ die("$told at $file:$line"); }});
            require {literal(ROOT / "tests/php/wordpress.php")};
            $world->patient = {json.dumps(self._patient)};
            $world->options['seealso'] = json_decode({literal(json.dumps(self.options))}, true);
            write_post(42, 'Tide & time');
            $world->here = 42;
            require {literal(PLUGIN / "seealso.php")};
            do_action('init');
            echo json_encode((function () use ($world) {{ {code} }})());
        """
        done = subprocess.run([self._php], input=script, capture_output=True, text=True, timeout=60)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(done.stdout + done.stderr) from None


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_of(tmp_path, [*articles(12), article("42", title="Tide & time", body=ABOUT_TIDES)])
    return tmp_path


@pytest.fixture
def service(index: Path, redis_url: str) -> Iterator[str]:
    with hosted(index, redis_url, wordpress_secret=SECRET) as url:
        yield url


@pytest.fixture
def site(php: str, service: str) -> Site:
    return Site(php, service)


@pytest.mark.parametrize("path", sorted(PLUGIN.rglob("*.php")), ids=lambda path: path.name)
def test_php_reads_every_file(php: str, path: Path) -> None:
    done = subprocess.run([php, "-l", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(PLUGIN.rglob("*.php")), ids=lambda path: path.name)
def test_no_file_does_anything_outside_wordpress(php: str, path: Path) -> None:
    done = subprocess.run([php, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_service_that_is_gone_leaves_the_page_as_it_is_and_is_asked_once(php: str) -> None:
    site = Site(php, f"http://127.0.0.1:{free_port()}")
    assert site.run("return [seealso_render(42), seealso_render(42), count($world->asked)];") == ["", "", 1]


def test_slow_service_is_given_up(php: str) -> None:
    ended = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        ended.wait(60)

    with listening() as listener:
        listener.instead = wait
        try:
            # 30 seconds, the limit that WordPress itself sets here, would end in a failure of this test.
            assert Site(php, listener.url, patient=False).run("return seealso_render(42);") == ""
        finally:
            ended.set()
    assert len(listener.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_error_is_never_shown(php: str, status: int) -> None:
    with listening() as listener:
        listener.statuses = [status]
        assert Site(php, listener.url).run("return [seealso_render(42), $world->styles];") == ["", []]


def test_nothing_is_asked_before_it_is_set_up(php: str) -> None:
    site = Site(php, "")
    assert site.run("return [seealso_render(42), seealso_tell(42), $world->asked];") == ["", None, []]


def test_block_is_shown_and_kept(site: Site) -> None:
    shown, again, asked, styles = site.run(
        "return [seealso_render(42), seealso_render(42), $world->asked, $world->styles];"
    )
    assert shown.startswith('<section class="seealso')
    assert shown == again
    assert len(asked) == 1
    assert asked[0].endswith("/v1/articles/42/related.html")
    assert styles["seealso"].endswith("/related.css")


def test_look_is_asked_for_as_it_is_set_or_said(site: Site) -> None:
    site.options |= {"limit": "3"}
    asked = site.run("""
        seealso_render(42);
        $world->shortcodes['seealso'](['limit' => '2', 'layout' => '"><b>', 'heading' => '9', 'other' => '1']);
        $world->shortcodes['seealso']('');
        return $world->asked;
    """)
    assert [each.partition("related.html")[2] for each in asked] == ["?limit=3", "?limit=2"]


def test_layouts_and_levels_that_are_known_are_passed_on(php: str) -> None:
    with listening() as listener:
        Site(php, listener.url).run("""
            $block = (object) ['context' => ['postId' => 42]];
            $given = ['layout' => 'grid', 'limit' => 4, 'heading' => 3, 'placement' => 'below & beside'];
            return $world->blocks[0]['render_callback']($given, '', $block);
        """)
    query = "heading=3&layout=grid&limit=4&placement=below%20%26%20beside"
    assert listener.asked[0][1] == f"/v1/articles/42/related.html?{query}"


def test_block_of_the_editor_is_the_block_of_the_plugin(site: Site) -> None:
    names, shown = site.run("""
        $block = $world->blocks[0];
        return [[$block['name'], $block['editorScript']], $block['render_callback'](['limit' => 2])];
    """)
    assert names == ["seealso/related", "file:./editor.js"]
    assert shown.startswith('<div class="wp-block-seealso-related"><section')
    assert shown.count("<li") == 2
    described = json.loads((PLUGIN / "block/block.json").read_text())
    assert f'registerBlockType("{described["name"]}"' in (PLUGIN / "block/editor.js").read_text()
    limits = site.run("return [SEEALSO_LIMIT_MAX, SEEALSO_LAYOUTS];")
    assert limits == [LIMIT_MAX, [name for name in described["attributes"]["layout"]["enum"] if name]]


def test_what_is_not_published_has_no_block(site: Site) -> None:
    shown = site.run("""
        write_post(7, 'A draft', 'draft');
        $draft = seealso_render(7);
        $world->feed = true;
        return [$draft, seealso_render(42), seealso_render(0), seealso_render(99), $world->asked];
    """)
    assert shown == ["", "", "", "", []]


def test_below_a_post_by_itself_and_not_twice(site: Site) -> None:
    plain = "return apply_filters('the_content', 'text');"
    assert site.run(plain) == "text"
    site.options["append"] = "yes"
    assert site.run(plain).startswith('text<section class="seealso')
    for own in ("<!-- wp:seealso/related /-->", "[seealso]"):
        assert site.run(f"$world->posts[42]->post_content = '{own}'; {plain}") == "text"
    assert site.run(f"$world->singular = false; {plain}") == "text"


@pytest.mark.parametrize(
    ("append", "content", "singular", "dressed"),
    [
        ("no", "text", "true", False),
        ("yes", "text", "true", True),
        ("yes", "text", "false", False),
        ("no", "<!-- wp:seealso/related /-->", "true", True),
        ("no", "[seealso]", "true", True),
    ],
)
def test_style_sheet_stands_before_the_block(php: str, append: str, content: str, singular: str, dressed: bool) -> None:
    site = Site(php, "https://related.example")
    site.options["append"] = append
    styles = site.run(f"""
        $world->posts[42]->post_content = '{content}';
        $world->singular = {singular};
        do_action('wp_enqueue_scripts');
        return $world->styles;
    """)
    assert styles == ({"seealso": "https://related.example/related.css"} if dressed else [])


def test_old_block_is_shown_while_the_service_fails(site: Site) -> None:
    shown, asked = site.run("""
        $first = seealso_render(42);
        let_pass(400);
        $world->no_network = true;
        $stale = seealso_render(42);
        $while = seealso_render(42);
        let_pass(90000);
        return [[$first === $stale, $first === $while, seealso_render(42)], count($world->asked)];
    """)
    assert shown == [True, True, ""]
    assert asked == 3


def test_one_page_waits_for_a_new_block_where_there_is_an_older_one(site: Site) -> None:
    shown, asked, asking = site.run("""
        $first = seealso_render(42);
        let_pass(400);
        set_transient('seealso_asking', '1', 100);  // another page does, at this moment
        $while = seealso_render(42);
        $asked = count($world->asked);
        $other = seealso_render(42, ['limit' => 2]);  // which was never shown
        return [[$first === $while, '' !== $other], [$asked, count($world->asked)], get_transient('seealso_asking')];
    """)
    assert shown == [True, True]
    assert asked == [1, 2]
    assert asking is False


def test_answer_that_is_too_long_is_none(php: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = b'<section class="seealso">' + b"x" * 300_000 + b"</section>"
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with listening() as listener:
        listener.instead = answer
        assert Site(php, listener.url).run("return seealso_render(42);") == ""


def test_what_was_taken_down_is_not_shown_again_from_what_is_kept(site: Site, index: Path) -> None:
    with Store(index).writing() as writing:
        take_down_in(writing, "42", "ann", "tried", None)
    shown = site.run("""
        $url = seealso_setting('url') . '/v1/articles/42/related.html';
        $name = 'seealso_' . md5(' ' . $url);
        set_transient($name, ['html' => 'old', 'made' => microtime(true) - 400, 'until' => time() - 100], 1000);
        $now = seealso_render(42);
        $world->no_network = true;
        let_pass(400);
        return [$now, seealso_render(42)];
    """)
    assert shown == ["", ""]


def test_what_is_published_changed_trashed_and_restored_is_told(site: Site) -> None:
    states = site.run("""
        $log = [];
        $note = function () use (&$log) {
            $answer = wp_remote_get(seealso_setting('url') . '/v1/articles/77', ['timeout' => 30]);
            $log[] = wp_remote_retrieve_response_code($answer);
        };
        $note();
        $post = write_post(77, 'Neap');
        do_action('wp_after_insert_post', 77, $post, false, null);
        $note();
        $before = clone $post;
        $post = write_post(77, 'Neap', 'trash');
        do_action('wp_after_insert_post', 77, $post, true, $before);
        $note();
        sleep(1);  // WordPress tells times in seconds
        do_action('wp_after_insert_post', 77, write_post(77, 'Neap'), true, $post);
        $note();
        $gone = $world->posts[77];
        unset($world->posts[77]);
        do_action('after_delete_post', 77, $gone);
        $note();
        return [$log, $world->scheduled];
    """)
    assert states == [[404, 200, 404, 200, 404], []]


def test_block_within_a_post_is_none_of_its_text(site: Site, service: str) -> None:
    shown, told, again = site.run("""
        write_post(42, 'Tide & time', 'publish', 'before [seealso] after');
        $shown = do_shortcode($world->posts[42]->post_content);
        return [$shown, seealso_post(42)['content']['rendered'], seealso_render(42)];
    """)
    assert '<section class="seealso' in shown
    assert told == "<p>tides moon sea harbour</p>before  after"
    assert again in shown


def test_what_nobody_may_read_is_told_as_removed_and_what_was_never_public_not_at_all(php: str) -> None:
    with listening() as listener:
        Site(php, listener.url).run("""
            write_post(8, 'For members', 'publish', '', 'password');
            seealso_tell(8);
            $draft = write_post(9, 'Draft', 'draft');
            do_action('wp_after_insert_post', 9, $draft, true, $draft);
            $page = write_post(10, 'Page');
            $page->post_type = 'page';
            do_action('wp_after_insert_post', 10, $page, false, null);
            do_action('after_delete_post', 9, $world->posts[9]);
        """)
    (told,) = [json.loads(body) for _, _, _, body in listener.asked]
    assert (told["event"], told["post"]) == ("removed", {"id": 8})


def test_what_does_not_arrive_is_told_again_later_and_not_for_ever(php: str) -> None:
    with listening() as listener:
        listener.statuses = [503, 503, 400]
        scheduled = Site(php, listener.url).run("""
            ini_set('error_log', '/dev/null');
            seealso_tell(42);
            delete_transient('seealso_untold');
            seealso_tell(42, SEEALSO_TRIES_MAX);
            delete_transient('seealso_untold');
            seealso_tell(42);
            return $world->scheduled;
        """)
    assert scheduled == [["seealso_tell_again", [42, 2]]]


def test_who_changes_many_posts_waits_for_a_failing_service_once(php: str) -> None:
    with listening() as listener:
        listener.statuses = [503, 200]
        told = Site(php, listener.url).run("""
            ini_set('error_log', '/dev/null');
            foreach ([1, 2, 3] as $id) {
                $before = write_post($id, 'Neap');
                do_action('wp_after_insert_post', $id, write_post($id, 'Neap', 'trash'), true, $before);
            }
            $withdrawn = get_option('seealso_withdrawn');
            seealso_tell(4, SEEALSO_TRIES_MAX);  // by the schedule
            seealso_tell(42);
            let_pass(SEEALSO_SILENT_SECONDS);
            seealso_tell(42);
            return [$world->scheduled, $withdrawn > 0, get_option('seealso_published') > $withdrawn];
        """)
    tries = {1: 2, 2: 2, 3: 2, 4: 5, 42: 2}  # it was no try, and counts as none
    assert told == [[["seealso_tell_again", [number, each]] for number, each in tries.items()], True, True]
    assert [json.loads(body)["post"]["id"] for _, _, _, body in listener.asked] == [1, 42]


def test_new_settings_are_tried_at_once(site: Site) -> None:
    left = site.run("""
        set_transient('seealso_silent', '1', 100);
        set_transient('seealso_untold', '1', 100);
        do_action('admin_init');
        $world->registered['seealso']['sanitize_callback'](['url' => seealso_setting('url')]);
        return array_keys($world->transients);
    """)
    assert left == []


def test_post_that_rest_does_not_give_is_told_later_and_never_withdrawn(php: str) -> None:
    with listening() as listener:
        scheduled = Site(php, listener.url).run("""
            ini_set('error_log', '/dev/null');
            $world->rest = array();
            do_action('wp_after_insert_post', 42, get_post(42), true, null);
            seealso_tell(42, SEEALSO_TRIES_MAX);
            return $world->scheduled;
        """)
    assert scheduled == [["seealso_tell_again", [42, 2]]]
    assert listener.asked == []


def test_withdrawn_post_is_in_no_block_that_is_kept(site: Site) -> None:
    shown = site.run("""
        $first = seealso_render(42);
        $world->no_network = true;
        ini_set('error_log', '/dev/null');
        seealso_tell(42);
        $changed = seealso_render(42);
        delete_transient('seealso_silent');
        unset($world->posts[77]);
        seealso_tell(77);
        return [$first !== '', $first === $changed, seealso_render(42)];
    """)
    assert shown == [True, True, ""]


def test_only_a_block_comes_through(site: Site) -> None:
    hostile = """<section class="seealso" onclick="x()" style="top:0" data-slot="1">
      <a href="javascript:x()" rel="nofollow">a</a><a href="https://news.example/?a=1&amp;b=2">b</a><iframe src="https://x"></iframe><script>x()</script>
      <script type="application/ld+json">{"@type": "ItemList", "name": "</b><!--"}</script>
      <script type="application/ld+json">no JSON</script>
      <img src="data:x" alt="A" width="1"><form><h3>T</h3></form></section>"""
    clean = site.run(f"return seealso_clean({literal(hostile)});")
    for gone in ("onclick", "style", "javascript", "iframe", "form", "x()", "no JSON", "data:x"):
        assert gone not in clean, gone
    for kept in ('<section class="seealso" data-slot="1">', 'href="https://news.example/?a=1&amp;b=2"', "<h3>T</h3>"):
        assert kept in clean
    data = clean.partition('<script type="application/ld+json">')[2].removesuffix("</script>")
    assert "<" not in data
    assert json.loads(data) == {"@type": "ItemList", "name": "</b><!--"}


def test_everything_of_the_services_own_block_comes_through(site: Site, service: str) -> None:
    with urllib.request.urlopen(f"{service}/v1/articles/42/related.html") as answer:
        whole = answer.read().decode()
    shown = site.run("return seealso_render(42);")
    script = r"<script type=.application/ld\+json.>(.*?)</script>"
    assert list(map(json.loads, re.findall(script, shown))) == list(map(json.loads, re.findall(script, whole)))
    assert "".join(re.sub(script, "", shown).split()) == "".join(re.sub(script, "", whole).split())


def checked(site: Site, sent: dict[str, Any]) -> Any:
    return site.run(f"""
        do_action('admin_init');
        $sent = json_decode({literal(json.dumps(sent))}, true);
        return [$world->registered['seealso']['sanitize_callback']($sent), $world->errors];
    """)


def test_settings_that_are_wrong_are_told_and_stay_as_they_were(site: Site, service: str) -> None:
    sent = {"url": "javascript:alert(1)", "secret": "short", "limit": "99", "heading": "1"}
    kept, errors = checked(site, sent | {"layout": "<b>", "append": "?"})
    assert (kept["url"], kept["secret"]) == (service, SECRET)
    assert [kept[name] for name in ("limit", "heading", "layout", "append")] == ["", "", "", "no"]
    assert len(errors) == 2


def test_settings_are_kept_as_they_are_sent(site: Site) -> None:
    sent = {"url": " https://related.example/ ", "secret": "x%41<y z 0123456789", "limit": "6", "heading": "3"}
    kept, errors = checked(site, sent | {"layout": "grid", "append": "yes", "placement": "below", "key": "k"})
    assert errors == []
    assert kept == {
        "url": "https://related.example",
        "secret": "x%41<y z 0123456789",
        "key": "k",
        "placement": "below",
        "layout": "grid",
        "limit": "6",
        "heading": "3",
        "append": "yes",
    }
    assert checked(site, {"url": kept["url"], "forget_secret": "1"})[0]["secret"] == ""


def test_page_of_settings_is_for_administrators_and_shows_no_secret(site: Site) -> None:
    site.options["placement"] = '"><script>x()</script>'
    show = """
        do_action('admin_menu');
        ob_start();
        $world->pages['seealso'][1]();
        return [$world->pages['seealso'][0], ob_get_clean()];
    """
    can, page = site.run(show)
    assert can == "manage_options"
    assert 'name="_wpnonce"' in page
    assert SECRET not in page
    assert "<script>" not in page
    assert "&quot;&gt;&lt;script" in page
    for name in ("url", "secret", "key", "placement", "layout", "limit", "heading", "append"):
        assert f'for="seealso-{name}"' in page
        assert f'id="seealso-{name}"' in page
    assert site.run(f"$world->can = false; {show}")[1] == ""


def test_constants_stand_over_the_page(site: Site) -> None:
    told = site.run("""
        define('SEEALSO_URL', 'https://other.example/');
        define('SEEALSO_WORDPRESS_SECRET', 'another secret of some length');
        return [seealso_setting('url'), seealso_setting('secret'), seealso_setting('key')];
    """)
    assert told == ["https://other.example", "another secret of some length", ""]


def test_nothing_stays_when_it_is_deleted(site: Site) -> None:
    uninstall = literal(PLUGIN / "uninstall.php")
    options, queries, unscheduled = site.run(f"""
        seealso_forget_age();
        seealso_forget_all();
        define('WP_UNINSTALL_PLUGIN', true);
        $GLOBALS['wpdb'] = new Database();
        require {uninstall};
        return [$world->options, $world->queries, $world->unscheduled];
    """)
    assert options == []
    assert unscheduled == ["seealso_tell_again"]
    assert "LIKE '\\_transient\\_seealso\\_%'" in queries[0]


def test_words_are_all_to_be_translated() -> None:
    words: set[str] = set()
    for path in [*PLUGIN.rglob("*.php"), *PLUGIN.rglob("*.js")]:
        words |= set(re.findall(r"""\b(?:esc_html)?__\(\s*['"](.+?)['"],\s*['"]seealso['"]""", path.read_text()))
    listed = set(re.findall(r'^msgid "(.+)"$', (PLUGIN / "languages/seealso.pot").read_text(), re.M))
    assert len(words) > 20
    assert listed == words
