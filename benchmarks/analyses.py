"""How fast archetypes, prototypes, adversaries and overlap come out of a feature dump."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from benchmarks import scripts
from benchmarks.generated import CLASS_NAMES, generate_features, long_tail
from benchmarks.timing import Row, UnequalResultsError, measure, speed_row
from imbalens.analysis.adversaries.adversaries import NEAREST, adversaries
from imbalens.analysis.archetypes.archetypes import archetypes
from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.feature_overlap import feature_overlap
from imbalens.dumps.files import FEATURES, FEATURES_VERSION, FeatureSplit, read_features
from imbalens.reports.archetypes import archetype_table, instance_table
from imbalens.reports.common.tables import matrix_table
from imbalens.reports.feature_overlap import overlap_table, top_feature_table
from imbalens.store.files import write_csv
from imbalens.store.hdf5 import create
from imbalens.tables.adversaries import ERRORS, NEIGHBOURS


@dataclass(frozen=True)
class AnalysesSize:
    """How many instances: the largest training class, imbalance, unseen ones per class."""

    n_max: int
    ratio: float
    n_test: int
    n_features: int
    rounds: int


FULL = AnalysesSize(n_max=5000, ratio=100.0, n_test=1000, n_features=64, rounds=3)
QUICK = AnalysesSize(n_max=400, ratio=100.0, n_test=50, n_features=64, rounds=1)


def measure_analyses(*, quick: bool) -> list[Row]:
    """Compare our analyses, HDF5 to CSV, with plain scripts, CSV to CSV, in process time."""
    size = QUICK if quick else FULL
    counts = long_tail(size.n_max, size.ratio)
    train = generate_features(counts, size.n_features, seed=1)
    test = generate_features(np.full(len(counts), size.n_test, np.int64), size.n_features, seed=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_dump(folder / "dump.h5", {"train": train, "test": test}, counts)
        scripts.write_inputs(folder, train, test)
        seconds = measure(
            {
                "ours": partial(_analyse, folder / "dump.h5", folder / "ours"),
                "scripts": partial(scripts.analyse, folder, folder / "scripts"),
            },
            check=_require_equal_tables,
            rounds=size.rounds,
            clock=time.process_time,
        )
    return [
        speed_row(
            "analyses",
            "archetypes, prototypes, adversaries and overlap, HDF5 in, CSV out, process time; "
            f"{counts.sum():,} x {size.n_features}, {len(counts)} long-tailed classes",
            "plain scripts after the paper: pandas in, scikit-learn and loops, CSV out",
            ours=seconds["ours"],
            theirs=seconds["scripts"],
            at_least=3.0,
        )
    ]


def _write_dump(path: Path, splits: dict[str, FeatureSplit], counts: np.ndarray) -> None:
    with create(path, FEATURES, FEATURES_VERSION) as file:
        file.attrs["splits"], file.attrs["class_names"] = list(splits), list(CLASS_NAMES)
        file.attrs["task"], file.attrs["counts"] = "multiclass", counts
        file.attrs["logit_scale"] = 1.0
        for name, split in splits.items():
            for variable in ("features", "logits", "targets", "index"):
                _store(file, f"{name}/{variable}", getattr(split, variable))
        n_features = splits["train"].features.shape[1]
        _store(file, "head/weight", np.zeros((len(counts), n_features), np.float32))
        for variable in ("bias", "offset"):
            _store(file, f"head/{variable}", np.zeros(len(counts), np.float32))


def _store(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(name, data=values, track_times=False)


def _analyse(dump: Path, out: Path) -> Path:
    """Do what the three stages do, each reading the dump and searching neighbours for itself."""
    steps: list[Callable[[Path, Path], None]] = [_archetypes, _adversaries, _feature_overlap]
    for step in steps:
        step(dump, out)
    return out


def _archetypes(path: Path, out: Path) -> None:
    dump = read_features(path, ["train"], decision="half")
    split, names, counts = dump.splits["train"], dump.class_names, dump.class_counts
    found = archetypes(
        *(split.features, split.classes, split.predictions),
        n_classes=len(names),
        n_neighbors=scripts.N_NEIGHBORS,
        safe_from=4,
        border_from=2,
        rare_from=1,
    )
    write_csv(out / "archetypes.csv", archetype_table(found.table, names, counts))
    about = (split.classes, split.predictions, split.index)
    instances = instance_table(found, *about, [""] * len(split.index), names)
    write_csv(out / "instances.csv", instances[["label", "archetype"]])
    rows = {
        "class": np.repeat(names, len(ARCHETYPE_NAMES)),
        "archetype": ARCHETYPE_NAMES * len(names),
        "row": found.prototypes.ravel(),
    }
    write_csv(out / "prototypes.csv", pd.DataFrame(rows))


def _adversaries(path: Path, out: Path) -> None:
    dump = read_features(path, ["train", "test"], decision="half")
    train, test, names = dump.splits["train"], dump.splits["test"], dump.class_names
    found = adversaries(
        *(train.features, train.classes, train.predictions, test.classes, test.predictions),
        n_classes=len(names),
        n_neighbors=scripts.N_NEIGHBORS,
        instances="misclassified_by_actual",
        errors="by_actual",
        eps=scripts.EPS,
        alpha=0.5,
    )
    shares = {ERRORS: found.errors.share, NEIGHBOURS: found.nearest.share}
    pairs = matrix_table(shares, names, dump.class_counts, rows="class", columns="adversary")
    write_csv(out / "adversaries.csv", pairs[pairs["class"] != pairs["adversary"]])
    kld = found.scores[NEAREST].kld_per_class
    write_csv(out / "kld.csv", pd.DataFrame({"class": names, "kld": kld}))


def _feature_overlap(path: Path, out: Path) -> None:
    dump = read_features(path, ["train"], decision="half")
    split, about = dump.splits["train"], (dump.class_names, dump.class_counts)
    n_classes = len(dump.class_names)
    found = feature_overlap(
        split.features, split.classes, n_classes=n_classes, top_k=scripts.TOP_K
    )
    write_csv(out / "top_features.csv", top_feature_table(found.top, *about))
    write_csv(out / "overlap.csv", overlap_table(found, *about))


def _require_equal_tables(ours: Path, theirs: Path) -> None:
    names = sorted(path.name for path in ours.iterdir())
    if names != sorted(path.name for path in theirs.iterdir()):
        raise UnequalResultsError(f"tables: other files than {', '.join(names)}")
    for name in names:
        first, second = (pd.read_csv(folder / name) for folder in (ours, theirs))
        try:
            pd.testing.assert_frame_equal(first, second, check_exact=False, rtol=1e-9, atol=0)
        except AssertionError as error:
            raise UnequalResultsError(f"{name}: {error}") from error
