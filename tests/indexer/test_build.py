import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from indexer.build import Limits, build_index
from indexer.embedding import Alone, Lot
from indexer.gates import GateLimits
from indexer.night_sections import AT_LEAST, AT_MOST, CHANGES
from indexer.progress import Silent
from indexer.report import Report
from indexer.sources.source import Quarantined
from seealso.article import Article
from seealso.encoder import LOT_PASSAGES, Vectors
from seealso.errors import GateFailed, NothingToIndex, SourceShrunk
from seealso.snapshot.layout import published_ids, snapshot_folder
from seealso.snapshot.reader import open_current, open_snapshot
from tests.makers import ANY_NIGHT, GivenArticles, HashEncoder, article, articles, index_of


def test_report_counts_what_was_done(tmp_path: Path) -> None:
    report = index_of(tmp_path, [*articles(6), article("long", body="A sentence of six words here. " * 60)])
    assert (report.articles, report.longest, len(report.quarantined)) == (7, "long", 0)
    assert report.passages == 6 + report.passages_of_longest
    assert report.passages_of_longest > 5
    assert report.tokens > report.passages
    stages = (
        "read, load model, cut, embed, space, terms, search, neighbours, stories, compare, map, blocks, write, check, "
        "clean up"
    )
    assert list(report.seconds) == list(report.memory_mb) == stages.split(", ")
    manifest = open_current(tmp_path).manifest
    assert (manifest.counts.articles, manifest.counts.passages, manifest.counts.tokens) == (
        7, report.passages, report.tokens
    )  # fmt: skip


def test_order_of_the_source_changes_nothing(tmp_path: Path) -> None:
    items = articles(40)
    contents = set()
    for seed in range(3):
        random.Random(seed).shuffle(items)
        contents.add(index_of(tmp_path / str(seed), items).content)
    assert len(contents) == 1


def test_parent_is_the_snapshot_that_was_current(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(5))
    second = index_of(tmp_path, articles(6))
    assert (first.parent, second.parent) == (None, first.snapshot)


def test_ids_stand_in_the_order_they_were_made_within_one_second_too(tmp_path: Path) -> None:
    made = [index_of(tmp_path, articles(count)).snapshot for count in (5, 5, 6, 4)]
    assert published_ids(tmp_path) == made[1:]
    assert open_current(tmp_path).id == made[-1]


def test_bad_articles_are_quarantined_and_the_others_published(tmp_path: Path) -> None:
    report = index_of(tmp_path, [*articles(9), Quarantined("given:10", "title: is empty")])
    assert report.quarantined == [{"where": "given:10", "reason": "title: is empty"}]
    assert len(open_current(tmp_path)) == 9


def test_second_article_with_an_id_is_quarantined(tmp_path: Path) -> None:
    report = index_of(tmp_path, [article("a", body="first"), article("b"), article("a", body="second")])
    assert report.quarantined[0]["where"] == "given:3"
    assert "taken already by given:1" in report.quarantined[0]["reason"]
    snapshot = open_current(tmp_path)
    assert orjson.loads(snapshot.article(0))["body"] == "first"


def test_too_many_bad_articles_publish_nothing(tmp_path: Path) -> None:
    index_of(tmp_path, articles(5))
    before = open_current(tmp_path).id
    with pytest.raises(GateFailed, match=r"6 of 11 articles are unusable, 54.5%; .* given:6: broken"):
        index_of(tmp_path, [*articles(5), *[Quarantined(f"given:{number}", "broken") for number in range(6, 12)]])
    assert open_current(tmp_path).id == before


def test_no_article_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingToIndex, match="no usable article in given"):
        index_of(tmp_path, [])
    assert published_ids(tmp_path) == []


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_articles_are_an_index(tmp_path: Path, count: int) -> None:
    index_of(tmp_path, articles(count))
    rows, _ = open_current(tmp_path).neighbours_of(0)
    assert rows.tolist() == list(range(1, count))


class Broken(HashEncoder):
    """Gives no number for texts with some words."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self._words = words

    def _vector(self, text: str) -> np.ndarray:
        vector = super()._vector(text)
        return vector * np.nan if any(word in text for word in self._words) else np.asarray(vector)


def test_article_without_a_usable_vector_is_quarantined_alone(tmp_path: Path) -> None:
    items = [article(f"a{number:03}") for number in range(5)]
    report = index_of(tmp_path, items, Broken("a003"))
    assert [item["where"] for item in report.quarantined] == ["given:4"]
    assert "'a003': the model hash" in report.quarantined[0]["reason"]
    snapshot = open_current(tmp_path)
    assert [snapshot.article_id(row) for row in range(len(snapshot))] == ["a000", "a001", "a002", "a004"]


def test_too_many_articles_without_a_usable_vector_publish_nothing(tmp_path: Path) -> None:
    items = [article(f"a{number:03}") for number in range(5)]
    with pytest.raises(GateFailed, match="quarantine: 3 of 5 articles are unusable"):
        index_of(tmp_path, items, Broken("a001", "a002", "a003"))
    assert published_ids(tmp_path) == []


def test_model_that_has_no_vector_for_any_article_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingToIndex, match="gives no article a usable vector"):
        index_of(tmp_path, articles(3), Broken("Piece"))


def test_another_model_makes_a_whole_new_snapshot_beside_the_old(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(9))
    second = index_of(tmp_path, articles(9), HashEncoder("another"))
    assert first.snapshot is not None
    assert second.snapshot != first.snapshot
    old, new = open_snapshot(snapshot_folder(tmp_path, first.snapshot)), open_current(tmp_path)
    assert (old.manifest.model.name, new.manifest.model.name) == ("hash", "another")
    for row in range(9):  # each vector is of the one model that the manifest names
        vectors, _ = new.passages_of(row)
        expected = HashEncoder("another").encode([f"Piece {row}\n{articles(9)[row].text}"])
        np.testing.assert_allclose(vectors, expected, atol=1e-3)


def test_only_new_text_is_embedded(tmp_path: Path) -> None:
    first, second, third = HashEncoder(), HashEncoder(), HashEncoder()
    report = index_of(tmp_path, articles(9), first)
    assert (report.embedded, report.reused, len(first.encoded)) == (9, 0, 9)
    items = [*articles(9)[:8], article("new", body="A new piece.")]
    report = index_of(tmp_path, items, second)
    assert (report.embedded, report.reused, second.encoded) == (1, 8, ["About new\nA new piece."])
    assert index_of(tmp_path, items, third).embedded == len(third.encoded) == 0


def test_night_that_embeds_only_what_changed_gives_what_a_full_one_gives(tmp_path: Path) -> None:
    items = [*articles(30), article("new", body="tides moon and bread")]
    index_of(tmp_path / "night", articles(28))
    assert index_of(tmp_path / "night", items).content == index_of(tmp_path / "full", items).content


def test_same_text_twice_is_embedded_once(tmp_path: Path) -> None:
    encoder = HashEncoder()
    report = index_of(tmp_path, [article(each, title="Same", body="The same.") for each in "ab"], encoder)
    assert (encoder.encoded, report.embedded, report.passages) == (["Same\nThe same."], 1, 2)


def test_run_that_is_interrupted_embeds_the_rest(tmp_path: Path) -> None:
    class Interrupted(HashEncoder):
        def encode(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vectors:
            if self.encoded:
                raise KeyboardInterrupt
            return super().encode(texts, on_batch)

    items = articles(LOT_PASSAGES + 40)
    first, second = Interrupted(), HashEncoder()
    with pytest.raises(KeyboardInterrupt):
        index_of(tmp_path, items, first)
    index_of(tmp_path, items, second)
    assert (len(first.encoded), len(second.encoded)) == (LOT_PASSAGES, 40)


def test_night_that_was_refused_embeds_nothing_twice(tmp_path: Path) -> None:
    items: list[Article | Quarantined] = [*articles(5), Quarantined("given:6", "broken")]
    with pytest.raises(GateFailed):
        index_of(tmp_path, items, gates=replace(ANY_NIGHT, hubs_max=0.0, languages_max=-1.0, quarantine_max=0.1))
    encoder = HashEncoder()
    report = index_of(tmp_path, items, encoder, gates=replace(ANY_NIGHT, quarantine_max=0.1), force=True)
    assert report.forced == ["quarantine"]
    assert open_current(tmp_path).manifest.forced == ["quarantine"]


def test_manifest_says_how_the_night_went(tmp_path: Path) -> None:
    report = index_of(tmp_path, [*articles(5), Quarantined("given:6", "broken")])
    manifest = open_current(tmp_path).manifest
    assert manifest.sources == {"given": 5}
    assert [gate.gate for gate in manifest.gates] == [
        *("articles", "kept", "quarantine", "takedowns", "empty-blocks", "overlap", "picks", "languages", "hubs"),
        *("texts", "links"),
    ]
    assert [gate.model_dump() for gate in manifest.gates if gate.gate == "quarantine"] == [
        {"gate": "quarantine", "value": 1 / 6, "limit": 0.5, "passed": True}
    ]
    # The page says of each which way it is held.
    assert {gate["gate"] for gate in report.gates} == AT_LEAST | AT_MOST | set(CHANGES)


def test_source_that_gives_far_less_is_an_error_and_no_deletion(tmp_path: Path) -> None:
    limits = replace(ANY_NIGHT, source_min=0.7)
    first = index_of(tmp_path, articles(40))
    with pytest.raises(SourceShrunk, match=r"the source given gives 24 articles, 60.0% of the 40 .* run with --force"):
        index_of(tmp_path, articles(24), gates=limits)
    assert open_current(tmp_path).id == first.snapshot
    assert index_of(tmp_path, articles(28), gates=limits).articles == 28
    report = index_of(tmp_path, articles(2), gates=limits, force=True)
    assert (report.articles, report.forced) == (2, ["source given"])


def test_other_ids_or_others_in_place_of_what_went_are_not_published_and_nothing_is_embedded(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(120))
    slugs = [article(f"slug-{number}", title=each.title, body=each.body) for number, each in enumerate(articles(120))]
    encoder = HashEncoder()
    with pytest.raises(GateFailed, match=r"kept: 0 of yesterday's 120 articles are there by their ids, 0\.0%"):
        index_of(tmp_path, slugs, encoder, gates=GateLimits())
    with pytest.raises(GateFailed, match=r"kept: 100 of yesterday's 120 articles"):
        index_of(tmp_path, [*articles(120)[20:], *slugs[:20]], encoder, gates=GateLimits())
    assert (encoder.encoded, open_current(tmp_path).id) == ([], first.snapshot)


def test_what_gates_measure_by_is_not_lost_in_silence(tmp_path: Path) -> None:
    def night(**fields: object) -> list[Article]:
        picks = [{"editor_related": ["a000"]} if number % 4 == 1 else {} for number in range(120)]
        return [each.model_copy(update=fields | chosen) for each, chosen in zip(articles(120), picks, strict=True)]

    index_of(tmp_path, night(language="en"))
    gates = replace(GateLimits(), hubs_max=1.0)
    with pytest.raises(GateFailed, match=r"0\.0% of articles state their language") as raised:
        index_of(tmp_path, night(), gates=gates)
    assert raised.value.gates == ["overlap", "languages"]
    with pytest.raises(GateFailed, match="picks: cannot be measured any more: 0 articles have"):
        index_of(tmp_path, articles(120, language="en"), gates=gates)
    cookies = [each.model_copy(update={"body": f"{each.body} We value cookies."}) for each in night(language="en")]
    with pytest.raises(GateFailed, match="overlap: cannot be measured any more: 0 of 120 articles"):
        index_of(tmp_path, cookies, gates=gates)
    report = index_of(tmp_path, cookies, gates=gates, force=True)
    assert report.forced == ["overlap"]


def test_texts_that_shrank_are_not_published(tmp_path: Path) -> None:
    index_of(tmp_path, articles(20))
    teasers = [article(each.id, title=each.title, body="") for each in articles(20)]
    with pytest.raises(GateFailed, match=r"texts: 4 words an article, 44\.4% of yesterday's 9"):
        index_of(tmp_path, teasers, gates=replace(ANY_NIGHT, texts_min=0.7))


def test_current_snapshot_that_cannot_be_opened_is_passed_over_for_the_newest_that_can(tmp_path: Path) -> None:
    good, bad = (index_of(tmp_path, articles(count)) for count in (20, 21))
    path = snapshot_folder(tmp_path, str(bad.snapshot)) / "scores.npy"
    path.chmod(0o644)
    path.write_bytes(b"")
    with pytest.raises(GateFailed, match=r"articles: 5 articles, 25\.0% of yesterday's 20"):
        index_of(tmp_path, articles(5), gates=replace(ANY_NIGHT, articles_min=0.9))
    report = index_of(tmp_path, articles(22), keep=2)
    assert (report.parent, report.new, report.articles_before) == (good.snapshot, 2, 20)
    assert "scores.npy: has 0 bytes" in report.notices[0]
    assert published_ids(tmp_path) == [good.snapshot, report.snapshot]


def test_lost_pointer_is_no_first_night(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(20))
    (tmp_path / "CURRENT").unlink()
    report = index_of(tmp_path, articles(20))
    assert (report.parent, report.articles_before) == (first.snapshot, 20)
    assert "not with the current one" in report.notices[0]


def test_nothing_that_can_be_opened_is_compared_with_nothing(tmp_path: Path) -> None:
    first = index_of(tmp_path, articles(10))
    path = snapshot_folder(tmp_path, str(first.snapshot)) / "scores.npy"
    path.chmod(0o644)
    path.write_bytes(b"")
    report = index_of(tmp_path, articles(11))
    assert (report.parent, report.new) == (first.snapshot, None)


def test_dry_run_says_what_would_be_embedded_and_changes_nothing(tmp_path: Path) -> None:
    report = Report()
    build_index([GivenArticles(articles(7))], tmp_path / "none", HashEncoder, Limits(dry_run=True), report, Silent())
    assert (report.embedded, report.reused, report.articles) == (7, 0, 7)
    assert not (tmp_path / "none").exists()
    index_of(tmp_path / "index", articles(5))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "index").rglob("*") if path.is_file()}
    report = Report()
    build_index([GivenArticles(articles(7))], tmp_path / "index", HashEncoder, Limits(dry_run=True), report, Silent())
    assert (report.embedded, report.reused) == (2, 5)
    assert report.embed_seconds_expected is not None
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "index").rglob("*") if path.is_file()}
    assert {path.name for path in after if before.get(path) != after[path]} <= {"lock"}


class Stopwatch(Alone):
    """Says that each text took half a second, on one of two machines at once."""

    def embed(self, texts: Sequence[str]) -> Generator[Lot, None, None]:
        for lot in super().embed(texts):
            yield replace(lot, seconds=len(lot.places) / 2, at_once=2)


def test_dry_run_counts_with_all_machines(tmp_path: Path) -> None:
    report = index_of(tmp_path, articles(100), embedder_of=Stopwatch, dry_run=True)
    assert report.embed_seconds_expected == pytest.approx(25)


def test_changes_since_the_night_before_are_counted(tmp_path: Path) -> None:
    index_of(tmp_path, articles(10))
    changed = [article("a000", title="Piece 0", body="other text"), *articles(10)[2:], article("new")]
    report = index_of(tmp_path, changed)
    assert (report.new, report.changed, report.removed, report.unchanged) == (1, 1, 1, 8)
    assert report.churn is not None
    assert report.churn["articles"] == 8
