import pytest

from seealso.project import BlockEntry
from service.block.links import campaign_of, link_to

CAMPAIGN = campaign_of(BlockEntry(utm_source="related & more", utm_medium="block"))
ADDED = "utm_source=related%20%26%20more&utm_medium=block"


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://a.example/x", f"https://a.example/x?{ADDED}"),
        ("https://a.example/x?", f"https://a.example/x?{ADDED}"),
        ("https://a.example/x?b=1&c=%20", f"https://a.example/x?b=1&c=%20&{ADDED}"),
        ("https://a.example/x?b=1&#c?d", f"https://a.example/x?b=1&{ADDED}#c?d"),
        ("https://a.example/#c", f"https://a.example/?{ADDED}#c"),
        ("https://a.example/?utm_source=own", "https://a.example/?utm_source=own&utm_medium=block"),
        ("https://a.example/?utm_medium&utm%5Fsource=", "https://a.example/?utm_medium&utm%5Fsource="),
        ("https://a.example/?utm_sources=x", f"https://a.example/?utm_sources=x&{ADDED}"),
    ],
)
def test_campaign_is_added_to_what_an_address_has(url: str, link: str) -> None:
    assert link_to(url, CAMPAIGN) == link


def test_without_a_campaign_an_address_stays_as_it_is() -> None:
    assert campaign_of(BlockEntry()) == {}
    assert link_to("HTTPS://a.example/?b#c", {}) == "HTTPS://a.example/?b#c"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example", "/x", "", None])
def test_what_is_no_address_on_the_web_is_no_link(url: str | None) -> None:
    assert link_to(url, CAMPAIGN) is None
