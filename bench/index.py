"""How fast the whole pipeline indexes, beside nothing but the model encoding the same passages.

    python -m bench.index [SOURCE] [--rounds N]

Passages a second of `build_index` (read, cut, embed, neighbours, write, check, publish; the model loaded beforehand)
and of SentenceTransformer.encode given the same texts in one list, in turn, in one process. The ratio is what counts.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

import click
from sentence_transformers import SentenceTransformer

from indexer.build import Limits, build_index
from indexer.progress import Silent
from indexer.report import Report
from indexer.sources.choose import choose_source
from indexer.sources.source import Found
from seealso.encoder import BUNDLED_MODEL, load_encoder, model_folder
from seealso.extract import PageExtractor
from seealso.passages import cut_passages

BATCH_PASSAGES = 32


@click.command()
@click.argument("source", default="examples/newsroom")
@click.option("--rounds", default=3, show_default=True)
def main(source: str, rounds: int) -> None:
    """Print passages a second of both, and their ratio."""
    encoder = load_encoder(BUNDLED_MODEL)
    plain = SentenceTransformer(str(model_folder(BUNDLED_MODEL)), local_files_only=True)
    with PageExtractor(60) as extractor:
        chosen = choose_source(source, extractor)
        pieces = [item.article for item in chosen.read() if isinstance(item, Found)]
        cut = [cut_passages(piece.title, piece.text, piece.language, encoder) for piece in pieces]
        texts = [passage.text for passages in cut for passage in passages]
        encoder.encode(texts[:BATCH_PASSAGES])  # both models warm
        plain.encode(texts[:BATCH_PASSAGES], show_progress_bar=False)
        plain_rates, pipeline_rates = [], []
        for number in range(rounds):
            for kind in ("plain", "pipeline") if number % 2 == 0 else ("pipeline", "plain"):
                began = time.perf_counter()
                if kind == "plain":
                    plain.encode(texts, batch_size=BATCH_PASSAGES, normalize_embeddings=True, show_progress_bar=False)
                    plain_rates.append(len(texts) / (time.perf_counter() - began))
                    continue
                report = Report()
                with tempfile.TemporaryDirectory() as index:
                    build_index([chosen], Path(index), lambda: encoder, Limits(), report, Silent())
                    pipeline_rates.append(report.passages / (time.perf_counter() - began))
                assert report.passages == len(texts)
    print(f"{source}: {len(pieces)} articles, {len(texts)} passages, {rounds} rounds in turn, medians")
    print(f"  plain encode   {median(plain_rates):6.1f} passages/s")
    print(f"  whole pipeline {median(pipeline_rates):6.1f} passages/s")
    ratios = [ours / theirs for ours, theirs in zip(pipeline_rates, plain_rates, strict=True)]
    print(f"  ratio          {median(ratios):6.2f}  (rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")


if __name__ == "__main__":
    main()
