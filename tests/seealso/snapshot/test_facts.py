import numpy as np

from seealso.article import parse_time
from seealso.snapshot.facts import facts_of
from seealso.snapshot.files import NO_TIME
from tests.makers import article


def test_facts_stand_by_row_and_their_numbers_for_labels() -> None:
    pieces = [
        article("a", section="Sport", language="en", published="2026-11-24", sponsored=True),
        article("b", language="de", sensitive=True),
        article("c", section="News", language="en"),
    ]
    facts = facts_of(pieces, np.array([0, 2, 2], np.int32), np.array([0.5, 0.0, 1.0], np.float32))
    assert facts.sections == ("News", "Sport")
    assert facts.languages == ("de", "en")
    assert facts.rows["section"].tolist() == [1, -1, 0]
    assert facts.rows["language"].tolist() == [1, 0, 1]
    assert facts.rows["published"].tolist() == [int(parse_time("2026-11-24").timestamp()), NO_TIME, NO_TIME]
    assert facts.rows["story"].tolist() == [0, 2, 2]
    assert facts.rows["eventful"].tolist() == [0.5, 0.0, 1.0]
    assert facts.rows["sponsored"].tolist() == [True, False, False]
    assert facts.rows["sensitive"].tolist() == [False, True, False]
