from hypothesis import given, settings
from hypothesis import strategies as st

from seealso.encoder import SentenceEncoder
from seealso.passages import SEAM_TOKENS, cut_passages
from tests.makers import HashEncoder

SENTENCE = "The tide comes in twice a day and leaves the harbour full of light. "


def words(text: str) -> list[str]:
    return text.split()


def test_short_text_is_one_passage_with_its_title_in_front() -> None:
    (passage,) = cut_passages("High tide", "The sea came in.", "en", HashEncoder())
    assert passage.text == "High tide\nThe sea came in."
    assert (passage.start, passage.end, passage.tokens) == (0, 16, 7)


def test_title_stands_in_front_of_every_passage() -> None:
    passages = cut_passages("High tide", SENTENCE * 20, "en", HashEncoder())
    assert len(passages) > 5
    assert all(passage.text.startswith("High tide\n") for passage in passages)


def test_passages_end_where_sentences_end() -> None:
    for passage in cut_passages("High tide", SENTENCE * 20, "en", HashEncoder()):
        assert passage.text.endswith("light.")


def test_passages_are_about_equally_long() -> None:
    lengths = [passage.tokens for passage in cut_passages("Tide", "One two three. " * 100, "en", HashEncoder())]
    assert max(lengths) - min(lengths) <= 8


def test_text_without_words_leaves_the_title_alone() -> None:
    (passage,) = cut_passages("High tide", "", None, HashEncoder())
    assert passage.text == "High tide"


def test_pasted_text_needs_no_title() -> None:
    (passage,) = cut_passages("", "The sea came in.", None, HashEncoder())
    assert passage.text == "The sea came in."


def test_endless_sentence_is_cut_between_words() -> None:
    text = "word " * 500
    passages = cut_passages("Title", text, "en", HashEncoder())
    assert sum(len(words(passage.text)) - 1 for passage in passages) == 500


def test_overlong_title_is_kept_whole() -> None:
    title = " ".join(f"t{number}" for number in range(100))
    passages = cut_passages(title, "Body here.", "en", HashEncoder())
    said = " ".join(passage.text for passage in passages)
    assert {f"t{number}" for number in range(100)} <= set(words(said))
    assert all(passage.tokens <= 40 for passage in passages)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=1500)
ROUGH = st.lists(st.sampled_from([SENTENCE, "Wort ", "字", "\n\n", "a" * 90])).map("".join)


@given(title=st.text(st.characters(codec="utf-8"), max_size=300), text=TEXTS | ROUGH)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_nothing_is_too_long(title: str, text: str) -> None:
    encoder = HashEncoder()
    passages = cut_passages(title, text, "en", encoder)
    kept = "".join("".join(text[passage.start : passage.end].split()) for passage in passages)
    assert kept == "".join(text.split()) or not encoder.token_spans(text)
    for passage in passages:
        assert passage.tokens <= encoder.window
        assert abs(len(encoder.token_spans(passage.text)) - passage.tokens) <= SEAM_TOKENS


def test_twenty_thousand_words_go_through_the_real_tokenizer_whole(model: SentenceEncoder) -> None:
    text = " ".join(f"Sentence {number} speaks of unfathomable tidewaters." for number in range(4_000))  # 6 words each
    passages = cut_passages("A very long read", text, "en", model)
    assert len(words(text)) == 24_000
    assert "".join("".join(text[passage.start : passage.end].split()) for passage in passages) == "".join(text.split())
    assert all(len(model.token_spans(passage.text)) <= model.window for passage in passages)
