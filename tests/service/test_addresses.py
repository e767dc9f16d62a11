import pytest

from seealso.project import Placement
from service.addresses import Addresses

ADDRESSES = Addresses({"sidebar": Placement(limit=3), "foot": Placement(layout="grid", heading=3)})
PATH = "/v1/articles/a000/related"


def key(query: str, path: str = PATH) -> str:
    read = ADDRESSES.read(path, query)
    assert read is not None
    _, key = read
    return key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("section=News&section=Science&limit=3", "limit=3&section=SCIENCE&section=news&section=news"),
        ("limit=12", ""),
        ("placement=sidebar", "limit=3"),
        ("exclude=x&exclude=y", "exclude=y&exclude=x"),
        ("published_after=2026-01-01", "published_after=2026-01-01T00:00:00Z"),
        ("explain=1", "explain=true"),
    ],
)
def test_addresses_that_ask_for_the_same_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize("other", ["limit=11", "explain=1", "section=News", "mode=latest", "exclude=x"])
def test_addresses_that_ask_for_another_block_have_another(other: str) -> None:
    assert key("") != key(other)
    assert key("") != key("", "/v1/articles/a001/related")
    assert key("") != key("", PATH + ".html")


@pytest.mark.parametrize("look", ["layout=grid", "heading=3", "images=0", "theme=dark", "lang=de", "json_ld=0"])
def test_looks_are_the_htmls_alone(look: str) -> None:
    html = PATH + ".html"
    assert key(look, html) != key("", html)
    assert ADDRESSES.read(PATH, look) is None
    assert key("placement=foot") == key("")
    assert key("placement=foot", html) == key("layout=grid&heading=3", html) != key("", html)
    assert key("placement=foot&layout=list", html) == key("heading=3", html)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (PATH, "limit=0"),
        (PATH, "unknown=1"),
        (PATH, "placement=nowhere"),
        (PATH, "\xff"),
        (PATH + ".html", "explain=1"),
        (PATH + ".html", "heading=1"),
        (PATH + ".html", "layout=table"),
        (PATH + ".html", "images=yes"),
        ("/v1/articles/a000", ""),
        ("/v1/articles/related", ""),
        ("/v1/articles/related.html", ""),
        ("/v1/articles//related", ""),
        ("/v1/similar", ""),
        ("/related", ""),
    ],
)
def test_what_is_no_block_or_asked_for_wrongly_is_left_to_flask(path: str, query: str) -> None:
    assert ADDRESSES.read(path, query) is None


@pytest.mark.parametrize("wrong", [False, True])
def test_long_query_is_read_each_time_and_a_short_one_once(wrong: bool) -> None:
    addresses = Addresses({})
    for ids, remembered in ((20, 1), (200, 1), (21, 2)):
        query = "&".join([f"exclude=article-{number}" for number in range(ids)] + ["limit=0"] * wrong)
        found = [addresses.read(PATH, query) for _ in range(3)]
        assert found == [found[0]] * 3
        assert (found[0] is None) == wrong
        assert addresses._wanted.cache_info().currsize == remembered
