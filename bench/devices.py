"""How fast each device of this machine embeds, beside SentenceTransformer.encode on it, and beside the CPU.

    python -m bench.devices [SOURCE] [--rounds N] [--passages N]

Passages a second of our encoder as it settles on the device (batch, precision), and of plain `encode` with its own
batches and precision, in turn, in one process; and how far our vectors are from the CPU's. Without a GPU it says so.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import click
import torch
from sentence_transformers import SentenceTransformer

from indexer.sources.choose import choose_source
from indexer.sources.source import Found
from seealso.encoder import BUNDLED_MODEL, SentenceEncoder, load_encoder, model_folder, nearness
from seealso.extract import PageExtractor
from seealso.passages import cut_passages


@click.command()
@click.argument("source", default="examples/newsroom")
@click.option("--rounds", default=3, show_default=True)
@click.option("--passages", default=20_000, show_default=True, help="On a GPU; a CPU gets as many as there are.")
def main(source: str, rounds: int, passages: int) -> None:
    """Print passages a second of both on each device, and their ratio."""
    folder = model_folder(BUNDLED_MODEL)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    cpu = load_encoder(BUNDLED_MODEL, "cpu")
    texts = _texts(source, cpu)
    cpu_rate = 0.0
    for kind in devices:
        ours = load_encoder(BUNDLED_MODEL, kind)
        plain = SentenceTransformer(str(folder), device=kind, local_files_only=True)
        given = texts if kind == "cpu" else (texts * (passages // len(texts) + 1))[:passages]
        ways: dict[str, Callable[[list[str]], object]] = {
            "ours": ours.encode,
            "plain": partial(plain.encode, show_progress_bar=False),
        }
        rates: dict[str, list[float]] = {
            name: [_rate(encode, given[:128])][1:] for name, encode in ways.items()
        }  # warm
        for number in range(rounds):
            for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
                rates[name].append(_rate(ways[name], given))
        ratio = median(our / their for our, their in zip(rates["ours"], rates["plain"], strict=True))
        cpu_rate = cpu_rate or median(rates["ours"])
        print(
            f"{ours.device}: {len(given):,} passages, batches of {ours.device.batch}, {rounds} rounds in turn, medians"
        )
        print(f"  plain encode {median(rates['plain']):10.1f} passages/s")
        print(f"  ours         {median(rates['ours']):10.1f} passages/s, ratio {ratio:.2f}")
        print(f"  of our CPU's {median(rates['ours']) / cpu_rate:10.1f} times")
        print(f"  least cosine to the CPU's vectors {nearness(ours.encode(texts), cpu.encode(texts)):.6f}")
    if len(devices) == 1:
        print("no GPU that torch can use is at hand: nothing was measured on one")


def _rate(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    """Return how many texts a second are encoded."""
    began = time.perf_counter()
    encode(texts)
    return len(texts) / (time.perf_counter() - began)


def _texts(source: str, encoder: SentenceEncoder) -> list[str]:
    with PageExtractor(60) as extractor:
        pieces = [item.article for item in choose_source(source, extractor).read() if isinstance(item, Found)]
    cut = [cut_passages(piece.title, piece.text, piece.language, encoder) for piece in pieces]
    return [passage.text for passages in cut for passage in passages]


if __name__ == "__main__":
    main()
