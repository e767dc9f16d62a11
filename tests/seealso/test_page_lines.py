import pytest

from seealso.page_lines import is_advert, is_related_heading, is_share_bar


@pytest.mark.parametrize(
    "line", ["ADVERTISEMENT", "Advertisement", "Anzeige", "advertisment", "Advertisement - Continue reading below"]
)
def test_adverts(line: str) -> None:
    assert is_advert(line)


@pytest.mark.parametrize("line", ["Advertising works, the study says", "Ad astra", "The advertisement ran for years."])
def test_text_about_adverts_is_text(line: str) -> None:
    assert not is_advert(line)


@pytest.mark.parametrize(
    "line",
    [
        "X Linkedin Facebook Reddit Email Bluesky",
        "Share on Facebook",
        "Facebook",
        "Share this article",
        "Tweet | Share",
    ],
)
def test_share_bars(line: str) -> None:
    assert is_share_bar(line)


@pytest.mark.parametrize(
    "line", ["X", "This article", "Facebook fell by four per cent", "", "Threads", "Save and copy this link"]
)
def test_text_with_such_words_is_text(line: str) -> None:
    assert not is_share_bar(line)


@pytest.mark.parametrize(
    "line",
    ["Related Articles", "Related articles:", "More on this topic", "You may also like", "Read next", "Mehr zum Thema"],
)
def test_headings_of_related_blocks(line: str) -> None:
    assert is_related_heading(line)


@pytest.mark.parametrize("line", ["Related articles show that the method works", "More", "The stories we tell"])
def test_other_headings(line: str) -> None:
    assert not is_related_heading(line)
