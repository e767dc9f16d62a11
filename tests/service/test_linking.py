"""Links worth inserting."""

from itertools import pairwise

import pytest

from seealso.snapshot.reader import open_current
from seealso.snapshot.snapshot import Snapshot
from service.linking import Link, links_worth
from service.texts import Texts
from tests.makers import HashEncoder, article, index_of

DEADLINE_S = 60.0
FILLER = ["the weather was fine and nobody said much of it", "it was said that the weather would not hold"]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("index")
    index_of(
        folder,
        [
            article("canal", title="The Panama Canal", body="Ships wait. The drought of Gatun Lake went on."),
            article("canal-again", title="The Panama Canal runs dry", body="Ships wait there.", canonical="canal"),
            article("verbeek", title="A harbour master", body="Joost Verbeek speaks of 212 homes."),
            article("kanal", title="運河の水", body="パナマ運河の水が足りない。"),
            *(article(f"f{number}", title=f"Filler {number}", body=FILLER[number % 2]) for number in range(120)),
        ],
    )  # fmt: skip
    return open_current(folder)


def links(snapshot: Snapshot, text: str, *ids: str, probability: float = 0.6) -> list[tuple[str, str]]:
    """Return the phrases that would be links, with the article each leads to."""
    found, draft_text = worth(snapshot, text, *ids, probability=probability)
    return [(draft_text[link.start : link.end], snapshot.article_id(link.row)) for link in found]


def worth(snapshot: Snapshot, text: str, *ids: str, probability: float = 0.6) -> tuple[list[Link], str]:
    draft = Texts(HashEncoder, 2, DEADLINE_S).draft(snapshot, "A draft", text, None)
    rows = [row for row in (snapshot.row_of(each) for each in ids or ("canal", "verbeek", "kanal")) if row is not None]
    return links_worth(snapshot, draft, rows, [probability] * len(rows)), draft.text


@pytest.mark.parametrize(
    "text",
    [
        "the weather was said not to hold",
        "of the and was it that would",
        "212 and 1953",
        "Panama. Canal",
        "Panama, Canal \u2013 no, Joost; Verbeek",
        "Panama\n\nCanal",
        "https://news.example/Panama/Canal and Joost@Verbeek.example",
    ],
)
def test_words_that_are_no_phrase_of_both_are_no_links(snapshot: Snapshot, text: str) -> None:
    found = links(snapshot, text, probability=0.15)
    assert [phrase for phrase, _ in found if phrase not in ("Panama", "Canal", "Joost", "Verbeek")] == []
    assert all("news" not in phrase and "@" not in phrase for phrase, _ in found)
    if "https" in text or "weather" in text or text[0] in "o2":
        assert found == []


def test_title_comes_before_a_name_and_each_leads_to_its_article(snapshot: Snapshot) -> None:
    text = "They wait at the Panama Canal. Here, says Joost Verbeek, nobody does."
    assert links(snapshot, text) == [("Panama Canal", "canal"), ("Joost Verbeek", "verbeek")]
    assert links(snapshot, text)[0][1] == "canal"


def test_each_phrase_each_article_and_each_story_is_linked_once(snapshot: Snapshot) -> None:
    text = "The Panama Canal is dry. The Panama Canal and Gatun Lake, and again the Panama Canal runs dry."
    found = links(snapshot, text, "canal", "canal-again")
    assert len(found) == 1


def test_links_do_not_overlap_and_lie_within_one_sentence(snapshot: Snapshot) -> None:
    found, text = worth(snapshot, "At the Panama Canal ships wait. So says Joost Verbeek of 212 homes. Nobody does.")
    spans = sorted((link.start, link.end) for link in found)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    for link in found:
        assert link.sentence_start <= link.start < link.end <= link.sentence_end
        assert text[link.sentence_start : link.sentence_end].count(".") == 1


def test_what_is_only_mentioned_by_an_unlikely_article_is_no_link(snapshot: Snapshot) -> None:
    assert links(snapshot, "Here, says Joost Verbeek, nobody waits.", probability=0.05) == []
    assert links(snapshot, "They wait at the Panama Canal.", probability=0.05) == [("Panama Canal", "canal")]


def test_words_are_found_in_whatever_form_and_script(snapshot: Snapshot) -> None:
    assert links(snapshot, "They wait at the PANAMA CANAL.") == [("PANAMA CANAL", "canal")]
    assert ("運河の水", "kanal") in links(snapshot, "ここでは運河の水について書く。")
