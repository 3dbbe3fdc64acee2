"""Tables 1 and 2 of both papers, in the papers' own layout, with intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.differences.intervals import ValueInterval
from imbalens.reports.differences.paper_layout import PaperCell, PaperRow, PaperTable

# Tables of paper A: name, heading, stage, its two measures
PAPER_A = (
    (
        "paper_a_table_1",
        "Paper A, Table 1: Feature Alignment Analysis",
        "cam_alignment",
        {"IoBB": "iobb", "IoR": "ior"},
    ),
    (
        "paper_a_table_2",
        "Paper A, Table 2: Analysis of Concepts",
        "concepts",
        {"Disjoint": "disjoint", "Unique": "unique"},
    ),
)
TASKS = {"multiclass": "Multi-class", "multilabel": "Multi-label", "binary": "Binary"}
SETUP = (
    "Classes",
    "Train",
    "Test",
    "Input dim (pixels)",
    "FE dim",
    "Imbal. type",
    "Max imbal. level",
    "Epochs",
    "Arch.",
)
DIVERGENCES = {
    "kld": "NNB KLD",
    "kld_fdr": "FDR KLD",
    "kld_random": "Rand. KLD",
    "factor": "NNB:Rand. factor",
}
COUNTED = {
    "by_actual": "by the actual class of an image (the paper's are false positives, by predicted)",
    "by_predicted": "by the predicted class, as false positives",
}


@dataclass(frozen=True)
class Setup:
    """A dataset and how a network was trained on it.

    Attributes:
        task: "multiclass", "multilabel" or "binary".
        counts: Training images per class, or with each label.
        n_train: Training images.
        test_shape: Number, height, width and channels of the test images, as stored.
        n_features: Feature embeddings of an image.
        imbalance: How the imbalance was made, such as "exp".
        epochs: Epochs; None where weights were given.
        network: Name of the network.
    """

    task: str
    counts: Int[np.ndarray, " c"]
    n_train: int
    test_shape: Sequence[int]
    n_features: int
    imbalance: str
    epochs: int | None
    network: str


def paper_a_tables(
    differences: Sequence[Difference],
    runs: Mapping[str, tuple[str, str]],
    *,
    task: str,
    confidence: float,
) -> list[PaperTable]:
    """Lay out Tables 1 and 2 of paper A: losses down, networks and measures across.

    Args:
        differences: Differences of the runs from their baselines.
        runs: Network and loss of each run, of its first repeat, baselines included.
        task: Task of the dataset: "multiclass", "multilabel" or "binary".
        confidence: Nominal coverage of the intervals, for the text.
    """
    text = (
        f"In brackets: {confidence:.0%} interval of the difference from the baseline of the same "
        "network, over images; a baseline's own cell has none."
    )
    missing = "Empty: no baseline and run of this dataset both have maps (dumps.maps.runs)."
    tables = []
    for name, title, stage, measures in PAPER_A:
        cells = _differing_cells(differences, stage)
        shown = [run for run in runs if any(run == key[0] for key in cells)]
        networks = list(dict.fromkeys(runs[run][0] for run in shown or runs))
        rows = [
            PaperRow(
                (loss,),
                [
                    cells.get((of_network.get(network, ""), measure), PaperCell(None))
                    for network in networks
                    for measure in measures.values()
                ],
            )
            for loss, of_network in _by_loss({run: runs[run] for run in shown}).items()
        ]
        tables.append(
            PaperTable(
                name,
                title,
                text if rows else missing,
                "difference",
                keys=("Loss",),
                levels=("Task", "Classifier", "Metric"),
                columns=[(TASKS[task], network, key) for network in networks for key in measures],
                rows=rows,
            )
        )
    return tables


def setup_table(dataset: str, setups: Sequence[Setup]) -> PaperTable:
    """Lay out Table 1 of paper B.

    Args:
        dataset: Name of the dataset.
        setups: How its networks were trained; those alike are one row.
    """
    return PaperTable(
        "paper_b_table_1",
        "Paper B, Table 1: Datasets and training",
        "Max imbal. level: training images of the largest class per one of the smallest; of "
        "labels, negatives per positive of the rarest. Classes without training images are left "
        "out of it.",
        "nothing",
        keys=("Dataset",),
        levels=(),
        columns=[(name,) for name in SETUP],
        rows=[
            PaperRow((dataset,), [PaperCell(field) for field in fields])
            for fields in dict.fromkeys(map(_setup_fields, setups))
        ],
    )


def divergence_table(
    dataset: str,
    runs: Mapping[str, Mapping[str, ValueInterval]],
    *,
    split: str,
    errors: Literal["by_actual", "by_predicted"],
    confidence: float,
) -> PaperTable:
    """Lay out Table 2 of paper B, one row per run.

    Args:
        dataset: Name of the dataset.
        runs: Per run, of its repeats together, the intervals by name: those of `DIVERGENCES`.
        split: Split whose errors are to be foretold.
        errors: How they are counted.
        confidence: Nominal coverage of the intervals, for the text.
    """
    return PaperTable(
        "paper_b_table_2",
        "Paper B, Table 2: KLD of Validation Set False Positives",
        f"How far the errors on {split} images are from what the training images foretell "
        "(Kullback-Leibler divergence, less is better): nearest adversaries (NNB), Fisher's "
        "discriminant ratio (FDR), one random draw; the factor is random over NNB, above 1 where "
        f"NNB is better. Errors are counted {COUNTED[errors]}. In brackets: {confidence:.0%} "
        f"interval over {split} images; what the training images foretell is taken as fixed. "
        "The fewer errors, the larger every divergence: compare within a row, not between rows.",
        "value",
        keys=("Dataset", "Run"),
        levels=(),
        columns=[(name,) for name in DIVERGENCES.values()],
        rows=[
            PaperRow(
                (dataset, run),
                [
                    PaperCell(*(float(end[0]) for end in (one.value, one.low, one.high)))
                    for one in (found[name] for name in DIVERGENCES)
                ],
            )
            for run, found in runs.items()
        ],
    )


def _setup_fields(setup: Setup) -> tuple[int | str | None, ...]:
    n_test, *shape = setup.test_shape
    return (
        len(setup.counts),
        setup.n_train,
        n_test,
        math.prod(shape),
        setup.n_features,
        setup.imbalance.replace("_", " ").capitalize(),
        _imbalance_level(setup),
        setup.epochs,
        setup.network,
    )


def _imbalance_level(setup: Setup) -> str | None:
    """Return by how much the classes that there are differ, such as "100:1"."""
    counts = setup.counts[setup.counts > 0]
    if not len(counts):
        return None
    largest = counts.max() if setup.task == "multiclass" else setup.n_train - counts.min()
    return f"{largest / counts.min():.1f}".removesuffix(".0") + ":1"


def _differing_cells(
    differences: Sequence[Difference], stage: str
) -> dict[tuple[str, str], PaperCell]:
    """Return a cell per run and measure over all classes, those of baselines included."""
    found = [one for one in differences if one.stage == stage and one.class_name is None]
    cells = {(one.run, one.measure): PaperCell(one.value, one.low, one.high) for one in found}
    return cells | {(one.baseline, one.measure): PaperCell(one.baseline_value) for one in found}


def _by_loss(runs: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Return per loss the run of each network; a second one of both stands under its own name."""
    rows: dict[str, dict[str, str]] = {}
    for run, (network, loss) in runs.items():
        place = run if network in rows.get(loss, {}) else loss
        rows.setdefault(place, {})[network] = run
    return rows
