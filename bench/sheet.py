"""What archives beyond one machine would take: reasoned from what was measured of smaller ones, and never run.

    python -m bench.sheet --index DIR/1000000

DIR is what bench.scale left. Bytes are those of the snapshot's own files; a part's night takes the hours and the memory
that it took there; passages are encoded as fast as on two cores. An archive that is more than one machine's night holds
is parted: by section, language or time, each part a site of its own (docs/sites.md). Related articles are then found
within a part. What it costs is told in machine hours, to which everybody has a price.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seealso.snapshot.layout import current_id, snapshot_folder
from seealso.snapshot.manifest import Manifest, read_manifest

SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
# A night grows so on one machine, and its memory as the articles do (docs/scaling.md).
NIGHT_GROWS = 1.25
# Of one core (20 on two), and what of it a cluster keeps (bench.cluster: 1.83 of two nodes).
PASSAGES_A_SECOND, CLUSTER_SHARE = 10, 0.9
# The machines reckoned with.
CORES, MACHINE_GB, FIRST_NIGHT_HOURS = 16, 128, 24
# What of a machine's memory holds what is to be there, and how many machines have each part, for one may be lost.
HELD_SHARE, COPIES = 0.6, 2
# In a search engine a night's collection comes beside the one that is asked and the one before (indexer/distribute.py);
# so many rows it takes in a second (docs/scaling.md).
COLLECTIONS, ENGINE_ROWS_A_SECOND = 3, 856
HOURS_A_MONTH, NIGHTS_A_MONTH = 730, 30
# HNSW as seealso.snapshot.milvus has it built: twice 32 links of four bytes.
LINKS_BYTES = 256
# What a page view reads, of its article and of those it shows.
SHOWN = ("neighbours", "scores", "plain_blocks", "cards", "facts", "ids", "cohorts", "vectors")


def bytes_per_article(manifest: Manifest, names: tuple[str, ...] = ("",)) -> float:
    """Return how many bytes of a snapshot's files, those whose names begin so, there are for each article."""
    size = sum(entry.bytes for name, entry in manifest.files.items() if name.startswith(names))
    return size / manifest.counts.articles


@dataclass(frozen=True, slots=True)
class Night:
    """What a part's night took, without encoding: of so many articles, hours on two cores, gigabytes of memory."""

    articles: int
    hours: float
    gigabytes: float

    @classmethod
    def of(cls, index: Path) -> "Night":
        """Return what bench.scale wrote down beside an index."""
        told = json.loads(index.with_suffix(".json").read_text())
        return cls(int(index.name), sum(told["build_s"].values()) / 3_600, told["own_peak_mb"] * 2**20 / 1e9)


def rows_of(manifest: Manifest, night: Night) -> dict[str, Callable[[int], str]]:
    """Return what is told of each size: its name, and the figure of so many articles."""
    passages = manifest.counts.passages / manifest.counts.articles

    def encoding_hours(count: int) -> float:
        return count * passages / PASSAGES_A_SECOND / 3_600

    def parts(count: int) -> int:
        return math.ceil(count / night.articles)

    def night_machines(count: int) -> int:
        return math.ceil(parts(count) / min(CORES // 2, int(MACHINE_GB / night.gigabytes)))

    def serving_machines(count: int) -> int:
        return COPIES * math.ceil(count * bytes_per_article(manifest, SHOWN) / 1e9 / (MACHINE_GB * HELD_SHARE))

    def machine_hours(count: int) -> float:
        of_a_night = night_machines(count) * night.hours + encoding_hours(count) / 100 / CORES
        return NIGHTS_A_MONTH * of_a_night + HOURS_A_MONTH * serving_machines(count)

    def engine_machines(count: int) -> int:
        size_gb = COLLECTIONS * count * (4 * manifest.model.dimension + LINKS_BYTES) / 1e9
        return math.ceil(size_gb / (MACHINE_GB * HELD_SHARE))

    machine = f"{CORES} cores, {MACHINE_GB} GB"
    return {
        "passages": lambda count: f"{_short(count * passages / 1e6)} million",
        "encoding all of them, once: core hours": lambda count: f"{encoding_hours(count):,.0f}",
        f"machines of {CORES} cores that do it in {FIRST_NIGHT_HOURS} hours, by Ray": lambda count: (
            f"{math.ceil(encoding_hours(count) / CLUSTER_SHARE / CORES / FIRST_NIGHT_HOURS):,}"
        ),
        "encoding 1 % of them, each night: core hours": lambda count: f"{encoding_hours(count) / 100:,.1f}",
        f"nights: parts of {night.articles:,}": lambda count: f"{parts(count):,}",
        "all else of a part's night, on two cores": lambda _: f"{night.hours:.1f} hours",
        "its memory": lambda _: f"{night.gigabytes:.0f} GB",
        "were it not parted: hours on two cores, memory": lambda count: (
            f"{_short(night.hours * (count / night.articles) ** NIGHT_GROWS)}, "
            f"{_in_bytes(night.gigabytes * 1e9 * count / night.articles)}"
        ),
        f"machines ({machine}) that make all parts' nights in that time": lambda count: f"{night_machines(count):,}",
        "snapshots of all, on the disks that serve them": lambda count: _in_bytes(count * bytes_per_article(manifest)),
        "of it, what page views read: best in memory": lambda count: _in_bytes(
            count * bytes_per_article(manifest, SHOWN)
        ),
        f"machines that serve, each part on {COPIES}": lambda count: f"{serving_machines(count):,}",
        "machine hours a month, nights and serving": lambda count: f"{machine_hours(count):,.0f}",
        "Milvus in the place of FAISS: machines": lambda count: f"{engine_machines(count):,}",
        "sending a part's night to it": lambda _: f"{night.articles / ENGINE_ROWS_A_SECOND / 60:,.0f} minutes",
    }


def _in_bytes(size: float) -> str:
    return f"{size / 1e9:,.0f} GB" if size < 1e12 else f"{_short(size / 1e12)} TB"


def _short(figure: float) -> str:
    return f"{figure:,.1f}" if figure < 100 and round(figure, 1) % 1 else f"{figure:,.0f}"


def main() -> None:
    """Print the sheet as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, required=True)
    index = parser.parse_args().index
    rows = rows_of(read_manifest(snapshot_folder(index, current_id(index))), Night.of(index))
    print("| |", " | ".join(f"{size:,}" for size in SIZES), "|")
    print("|---" * (1 + len(SIZES)), end="|\n")
    for name, figure in rows.items():
        print(f"| {name} |", " | ".join(figure(size) for size in SIZES), "|")


if __name__ == "__main__":
    main()
