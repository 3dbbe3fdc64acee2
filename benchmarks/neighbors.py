"""How fast, how frugal and how scalable the search for nearest neighbours is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread

import numpy as np
import psutil
from jaxtyping import Float, Int

from benchmarks.baselines import brute_force_neighbors
from benchmarks.generated import generate_cloud
from benchmarks.timing import Goal, Row, measure, ratio_row, require_equal, speed_row
from imbalens.analysis.common.neighbors import find_neighbors

N_FEATURES = 64
N_NEIGHBORS = 5
GIBIBYTE = 2**30
SAMPLE_EVERY = 0.02  # seconds


@dataclass(frozen=True)
class NeighborsSize:
    """How many rows are searched; `growth` are the sizes whose times give the exponent."""

    n_rows: int
    rounds: int
    growth: tuple[int, ...]
    growth_rounds: int


FULL = NeighborsSize(100_000, rounds=2, growth=(12_500, 25_000, 50_000), growth_rounds=3)
QUICK = NeighborsSize(1_000, rounds=1, growth=(500, 1_000, 2_000), growth_rounds=1)


@dataclass
class MemoryPeak:
    """Bytes that the process's resident memory grew by, at most, while it was watched."""

    growth: int = field(default=0)


def measure_neighbors(*, quick: bool) -> list[Row]:
    """Compare with scikit-learn's brute force, and see how time and memory grow."""
    size = QUICK if quick else FULL
    exponents = _growth_exponents(size)
    features = generate_cloud(size.n_rows, N_FEATURES)
    peaks: list[int] = []

    def search() -> Int[np.ndarray, "n k"]:
        with watch_memory() as peak:
            found = _search(features)
        peaks.append(peak.growth)
        return found

    seconds = measure(
        {"ours": search, "brute": partial(brute_force_neighbors, features, N_NEIGHBORS)},
        check=partial(require_equal, what="neighbours"),
        rounds=size.rounds,
        warm_up=False,  # the smaller searches before have warmed up
    )
    what = f"{N_NEIGHBORS} nearest neighbours of {size.n_rows:,} x {N_FEATURES}"
    return [
        speed_row(
            "neighbors",
            what,
            "scikit-learn's brute force alone",
            ours=seconds["ours"],
            theirs=seconds["brute"],
            at_least=1 / 1.5,
        ),
        ratio_row(
            "neighbors",
            f"largest growth of resident memory during it; {what}",
            "1 GiB",
            # a search that fits in memory already held still counts as one page
            np.maximum(peaks, 4096) / GIBIBYTE,
            Goal("<=", 1.0),
        ),
        ratio_row(
            "neighbors",
            f"exponent of time from {size.growth[0]:,} to {size.growth[-1]:,} rows",
            "1 (linear growth)",
            exponents,
            Goal("<=", 2.05),
        ),
    ]


def _search(features: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n k"]:
    alike = np.zeros(len(features), dtype=np.int64)
    return find_neighbors(features, alike, n_neighbors=N_NEIGHBORS).nearest


@contextmanager
def watch_memory() -> Iterator[MemoryPeak]:
    """Sample the resident memory from a thread until the block ends."""
    process, done = psutil.Process(), Event()
    before = process.memory_info().rss
    peak = MemoryPeak()

    def sample() -> None:
        while not done.wait(SAMPLE_EVERY):
            peak.growth = max(peak.growth, process.memory_info().rss - before)

    thread = Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.growth = max(peak.growth, process.memory_info().rss - before)


def _growth_exponents(size: NeighborsSize) -> Float[np.ndarray, " rounds"]:
    """Fit the slope of log time against log rows in each round."""
    clouds = {str(n): generate_cloud(n, N_FEATURES) for n in size.growth}
    seconds = measure(
        {n: partial(_search, features) for n, features in clouds.items()},
        check=lambda *_: None,  # different inputs, checked against the baseline at full size
        rounds=size.growth_rounds,
    )
    rows = np.log(size.growth)
    times = np.log(np.stack([seconds[n] for n in clouds]))
    return np.polyfit(rows, times, deg=1)[0]
