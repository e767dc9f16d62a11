import pytest

from indexer.terms import build_terms
from seealso.lexical import Terms
from seealso.term_weights import TERMS_MAX
from seealso.words import word_counts
from tests.seealso.test_lexical import dense, terms_of


def test_rare_words_weigh_more_and_longer_texts_less() -> None:
    terms = terms_of("moon tide", "moon bread", "clock", "moon tide " + "other words follow here " * 20)
    first, last = dense(terms)[0], dense(terms)[3]
    number = {terms.term(place): place for place in range(len(terms.vocabulary))}
    assert first[number["tide"]] > first[number["moon"]] > 0
    assert first[number["tide"]] > last[number["tide"]] > 0


def test_stop_words_are_told_by_language() -> None:
    german = [("", f"und die Sache {number}", "de") for number in range(10)]
    english = [("", f"the thing {number}", "en") for number in range(50)]
    terms, counted = build_terms([*german, *english])
    assert terms.languages == ("de", "en")
    own = {terms.term(int(number)) for row in range(10) for number in terms.articles.row(row).terms}
    assert own == {str(number) for number in range(10)}
    assert counted == 4 * len(german) + 3 * len(english)


@pytest.mark.parametrize("irish", [0, 1, 3, 4, 6, 20])
def test_small_language_takes_no_word_from_a_large_one(irish: int) -> None:
    english = [("", f"thing{n} " + ("Ellenmouth" if n < 5 else "harbour"), "en") for n in range(200)]
    pieces = [("", f"rud{n} Ellenmouth", "ga") for n in range(irish)]
    terms, _ = build_terms([*english, *pieces])
    alone, _ = build_terms(english)

    def weight(of: Terms) -> float:
        row = of.articles.row(0)
        return {of.term(int(number)): float(value) for number, value in zip(row.terms, row.weights, strict=True)}[
            "ellenmouth"
        ]

    assert weight(terms) == pytest.approx(weight(alone), rel=0.01)


def test_few_articles_have_no_stop_words() -> None:
    assert len(terms_of("one").vocabulary) == 1
    assert len(terms_of("one two", "one two").vocabulary) == 2


def test_long_articles_keep_their_heaviest_terms() -> None:
    terms = terms_of(" ".join(f"w{number}" for number in range(2 * TERMS_MAX)) + " w7 w7 w7")
    assert len(terms.articles.terms) == TERMS_MAX
    assert 7 in {int(terms.term(int(term))[1:]) for term in terms.articles.terms}


def test_article_pasted_as_text_has_the_same_terms() -> None:
    terms, _ = build_terms([("Moon", "tide tide bread", None), ("Clock", "bread", None)])
    again = terms.vector(word_counts("Moon", "tide tide bread"), None)
    own = terms.articles.row(0)
    assert again.terms.tolist() == own.terms.tolist()
    assert again.weights.tolist() == own.weights.tolist()
    assert len(terms.vector(word_counts("", "unheard of"), "fr").terms) == 0
