import pytest

from seealso.snapshot.files import NO_TIME
from service.freshness import KEY_CHARACTERS_MAX, Lifetimes, purge_keys

HOUR, DAY = 3_600, 86_400
LIFETIMES = Lifetimes(fresh_min_s=900, fresh_max_s=DAY, stale_if_error_s=DAY)
MADE = 1_800_000_000.0


@pytest.mark.parametrize(
    ("age_s", "fresh_s"),
    [
        (0, 900),
        (HOUR, 900),
        (-DAY, 900),  # dated after the snapshot
        (5 * HOUR, 1_800),
        (DAY, 8_640),
        (5 * DAY, DAY // 2),
        (10 * DAY, DAY),
        (5_000 * DAY, DAY),
    ],
)
def test_block_stays_fresh_for_a_tenth_of_its_articles_age(age_s: int, fresh_s: int) -> None:
    assert LIFETIMES.cache_control(MADE, int(MADE) - age_s) == (
        f"public, max-age={fresh_s}, stale-while-revalidate={fresh_s // 10}, stale-if-error={DAY}"
    )


def test_undated_article_is_as_one_of_today() -> None:
    assert "max-age=900," in LIFETIMES.cache_control(MADE, NO_TIME)


def test_keys_name_the_snapshot_and_every_article() -> None:
    assert purge_keys("s1", ["a", "2026/flood"], None) == ("snapshot:s1", "article:a", "article:2026/flood")


@pytest.mark.parametrize(
    ("article_id", "key"),
    [
        ("https://news.example/a?b=1&c", "https://news.example/a?b=1&c"),
        ("two words", "two%20words"),
        ("a,b", "a%2Cb"),
        ("100%", "100%25"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("a\u2028b", "a%E2%80%A8b"),
    ],
)
def test_key_has_nothing_that_parts_keys_and_is_plain(article_id: str, key: str) -> None:
    (_, made) = purge_keys("s1", [article_id], None)
    assert made == f"article:{key}"
    assert made.isascii()
    assert not {" ", ","} & set(made)


def test_long_id_has_a_short_key_of_its_own() -> None:
    _, one, other = purge_keys("s1", ["ü" * 200, "ü" * 199 + "x"], None)
    assert len(one) <= KEY_CHARACTERS_MAX
    assert one != other
