"""Names -> the rankings that an evaluation holds side by side: of a snapshot, or of a baseline over its articles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.baselines import BASELINES, Encode, corpus_of
from indexer.evaluate import Lists, lists_of
from indexer.progress import Reporter
from seealso.encoder import Vectors, load_encoder
from seealso.errors import ModelMismatch
from seealso.snapshot.snapshot import Snapshot

ALL_BASELINES = "all"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Every article's list, by a name; the vectors of `snapshot` tell how alike the articles of a list are."""

    name: str
    does: str
    lists: Lists
    snapshot: Snapshot


def ranking_of(snapshot: Snapshot) -> Ranking:
    """Return what a snapshot holds: relatedness alone, before any rule."""
    return Ranking(snapshot.id, "what the snapshot holds, before any rule", lists_of(snapshot), snapshot)


def rankings_named(
    names: Sequence[str], ours: Snapshot, encode: Encode, open_named: Callable[[str], Snapshot]
) -> list[Ranking]:
    """Return the rankings of some names, in order, none twice.

    A baseline's name is that baseline over the articles of `ours`, ALL_BASELINES every one of them; any other name is
    a snapshot's, which `open_named` opens. `encode` is called if a baseline needs vectors.
    """
    wanted = [each for name in names for each in (BASELINES if name == ALL_BASELINES else [name])]
    corpus = None
    rankings = []
    for name in dict.fromkeys(wanted):
        if name not in BASELINES:
            rankings.append(ranking_of(open_named(name)))
            continue
        corpus = corpus or corpus_of(ours, encode)
        rankings.append(Ranking(name, BASELINES[name].does, corpus.lists(name), ours))
    return rankings


def encode_as(snapshot: Snapshot, reporter: Reporter) -> Encode:
    """Return a function that embeds texts by the model that made a snapshot, which it loads when it is called.

    It raises ModelUnavailable, and ModelMismatch if the model of that name is no longer the same.
    """

    def encode(texts: list[str]) -> Vectors:
        made_by = snapshot.manifest.model.identity()
        encoder = load_encoder(made_by.name)
        if encoder.identity.digest != made_by.digest:
            raise ModelMismatch(snapshot.id, str(made_by), str(encoder.identity))
        reporter.stage("embed first windows", len(texts), "articles")
        return encoder.encode(texts, reporter.advance)

    return encode
