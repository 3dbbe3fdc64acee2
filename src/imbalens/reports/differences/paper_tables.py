"""Tables 1 and 2 of both papers, in the papers' own layout, with intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from imbalens.analysis.adversaries.scores import TWO_CLASSES
from imbalens.analysis.common.measures import DISJOINT, IOBB, IOR, KLD, KLD_FDR, KLD_RANDOM, UNIQUE
from imbalens.analysis.differences.adversaries import Divergences
from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.differences.differences import Differences
from imbalens.analysis.differences.setup import Setup
from imbalens.reports.differences.paper_layout import PaperCell, PaperRow, PaperTable

# Tables of paper A: name, heading, its two measures as the paper calls them
PAPER_A = (
    (
        "paper_a_table_1",
        "Paper A, Table 1: Feature Alignment Analysis",
        {"IoBB": IOBB, "IoR": IOR},
    ),
    (
        "paper_a_table_2",
        "Paper A, Table 2: Analysis of Concepts",
        {"Disjoint": DISJOINT, "Unique": UNIQUE},
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
    KLD.name: "NNB KLD",
    KLD_FDR.name: "FDR KLD",
    KLD_RANDOM.name: "Rand. KLD",
    "factor": "NNB:Rand. factor",
}
COUNTED = {
    "by_actual": "by the actual class of an image (the paper's are false positives, by predicted)",
    "by_predicted": "by the predicted class, as false positives",
}


def paper_tables(
    dataset: str,
    found: Differences,
    setups: Mapping[str, Setup],
    *,
    errors: Literal["by_actual", "by_predicted"],
) -> list[PaperTable]:
    """Lay out the papers' tables of a dataset.

    Args:
        dataset: Name of the dataset.
        found: How its settings differ.
        setups: How the first training of each setting was made, baselines included.
        errors: How errors are counted.
    """
    return [
        *paper_a_tables(found.differences, setups, confidence=found.confidence),
        setup_table(dataset, list(setups.values())),
        divergence_table(
            dataset,
            found.divergences,
            split=found.judged,
            errors=errors,
            confidence=found.confidence,
        ),
    ]


def paper_a_tables(
    differences: Sequence[Difference], setups: Mapping[str, Setup], *, confidence: float
) -> list[PaperTable]:
    """Lay out Tables 1 and 2 of paper A: losses down, networks and measures across.

    Args:
        differences: Differences of the settings from their baselines.
        setups: How the first training of each setting was made, baselines included.
        confidence: Nominal coverage of the intervals, for the text.
    """
    settings = {name: (setup.network, setup.loss) for name, setup in setups.items()}
    task = next((TASKS[setup.task] for setup in setups.values()), "")
    text = (
        f"In brackets: {confidence:.0%} interval of the difference from the baseline of the same "
        "network, over what the notes below say; a baseline's own cell has none."
    )
    missing = "Empty: no baseline and other setting both have maps (dumps.maps.runs)."
    tables = []
    for name, title, measures in PAPER_A:
        cells = _differing_cells(differences, next(iter(measures.values())).stage)
        shown = [name for name in settings if any(name == key[0] for key in cells)]
        networks = list(dict.fromkeys(settings[name][0] for name in shown or settings))
        rows = [
            PaperRow(
                (loss,),
                [
                    cells.get((of_network.get(network, ""), measure.name), PaperCell(None))
                    for network in networks
                    for measure in measures.values()
                ],
            )
            for loss, of_network in _by_loss({name: settings[name] for name in shown}).items()
        ]
        tables.append(
            PaperTable(
                name,
                title,
                text if rows else missing,
                "difference",
                keys=("Loss",),
                levels=("Task", "Classifier", "Metric"),
                columns=[(task, network, key) for network in networks for key in measures],
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
    settings: Mapping[str, Divergences],
    *,
    split: str,
    errors: Literal["by_actual", "by_predicted"],
    confidence: float,
) -> PaperTable:
    """Lay out Table 2 of paper B, one row per setting.

    Args:
        dataset: Name of the dataset.
        settings: Per setting, of its trainings together, its divergences.
        split: Split whose errors are to be foretold.
        errors: How they are counted.
        confidence: Nominal coverage of the intervals, for the text.
    """
    return PaperTable(
        "paper_b_table_2",
        "Paper B, Table 2: KLD of Validation Set False Positives",
        f"How far the errors on {split} images are from what the training images foretell "
        f"(Kullback-Leibler divergence, {KLD.direction}): nearest adversaries (NNB), Fisher's "
        "discriminant ratio (FDR), a random prediction on average; the factor is random over NNB, "
        f"above 1 where NNB is better. Errors are counted {COUNTED[errors]}. In brackets: "
        f"{confidence:.0%} interval over {split} images; what the training images foretell is "
        "taken as fixed. "
        "The fewer errors, the larger every divergence: compare within a row, not between rows. "
        "Classes: those averaged over; a class without errors, or of which no misclassified "
        f"training image says anything, is left out.{_why_empty(settings)}",
        "value",
        keys=("Dataset", "Setting", "Classes"),
        levels=(),
        columns=[(name,) for name in DIVERGENCES.values()],
        rows=[
            PaperRow(
                (dataset, setting, str(found.classes)),
                [
                    PaperCell(*(float(end[0]) for end in (one.value, one.low, one.high)))
                    for one in (found.intervals[name] for name in DIVERGENCES)
                ],
            )
            for setting, found in settings.items()
        ],
    )


def _why_empty(settings: Mapping[str, Divergences]) -> str:
    if all(found.classes > 1 for found in settings.values()):
        return ""
    return f" Empty where fewer than two are left, or there are but two: {TWO_CLASSES}."


def _setup_fields(setup: Setup) -> tuple[int | str | None, ...]:
    n_test, *shape = setup.test_shape
    return (
        len(setup.counts),
        setup.n_train,
        n_test,
        math.prod(shape) if shape else None,
        setup.n_features,
        setup.imbalance.replace("_", " ").capitalize(),
        _imbalance_level(setup),
        setup.epochs,
        setup.network,
    )


def _imbalance_level(setup: Setup) -> str | None:
    """Return by how much the classes that there are differ, such as "100:1"."""
    level = setup.imbalance_level
    return None if level is None else f"{level:.1f}".removesuffix(".0") + ":1"


def _differing_cells(
    differences: Sequence[Difference], stage: str
) -> dict[tuple[str, str], PaperCell]:
    """Return a cell per setting and measure over all classes, baselines included."""
    found = [one for one in differences if one.stage == stage and one.class_name is None]
    cells = {(one.setting, one.measure): PaperCell(one.value, one.low, one.high) for one in found}
    return cells | {(one.baseline, one.measure): PaperCell(one.baseline_value) for one in found}


def _by_loss(settings: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Return per loss the setting of each network; a second one of both under its own name."""
    rows: dict[str, dict[str, str]] = {}
    for setting, (network, loss) in settings.items():
        place = setting if network in rows.get(loss, {}) else loss
        rows.setdefault(place, {})[network] = setting
    return rows
