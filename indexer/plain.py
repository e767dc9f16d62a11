"""Each article's plain block, chosen ahead: what its page shows where nothing special is asked for.

Of all page views this is by far the most. The service has only to see whether somebody decided anything that touches
the candidates (an article taken down, a rule); if so, it chooses anew, by the same order.
"""

import numpy as np
from numpy.typing import NDArray

from indexer.neighbours import Neighbours
from indexer.progress import SILENT, Reporter
from seealso.order import choose, foreign_among
from seealso.recipe import Recipe
from seealso.snapshot.facts import Facts
from seealso.snapshot.files import NO_PLACE, PLAIN_MAX
from seealso.snapshot.vectors import VectorIndex


def plain_blocks(
    facts: Facts, neighbours: Neighbours, vectors: VectorIndex, recipe: Recipe, reporter: Reporter = SILENT
) -> NDArray[np.uint8]:
    """Return files.PLAIN_BLOCKS of all articles: places among their candidates, uint8, articles x 2 x PLAIN_MAX.

    It holds what `service.related` says of a block: nothing sponsored or sensitive, nothing of the own story, one of
    each other; nothing below the recipe's least probability. A sensitive article's is empty.
    """
    rows, least = facts.rows, recipe.score_of(recipe.probability_min)
    stories, languages = np.ascontiguousarray(rows["story"]), np.ascontiguousarray(rows["language"])
    never = rows["sponsored"] | rows["sensitive"]
    blocks = np.full((len(rows), 2, PLAIN_MAX), NO_PLACE, np.uint8)
    reporter.stage("Blocks", len(rows), "articles")
    for row in range(len(rows)):
        reporter.advance(1)
        if rows["sensitive"][row]:
            continue
        near, scores = neighbours.rows[row].astype(np.int64), neighbours.scores[row]
        places = np.flatnonzero((near >= 0) & (scores >= least) & ~never[near] & (stories[near] != stories[row]))
        near = near[places]
        language = None if languages[row] < 0 else facts.languages[languages[row]]
        foreign = foreign_among(facts.languages, languages[near], language)
        chances = recipe.probability(scores[places])
        chosen = choose(vectors, near, chances, foreign, PLAIN_MAX, stories[near])
        blocks[row, :, : len(chosen)] = places[[*chosen]], places[[*chosen.values()]]
    return blocks
