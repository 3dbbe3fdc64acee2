"""Every figure, of classes and runs that are called as nobody expects."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from imbalens.analysis.changes.changes import archetype_flow
from imbalens.analysis.changes.measures import mean_change
from imbalens.analysis.changes.similarity import Similarity
from imbalens.reports.adversaries import adversaries_figure
from imbalens.reports.archetypes import prototypes_figure, true_positives_figure
from imbalens.reports.cam_alignment.figures import alignment_figure, cams_figure
from imbalens.reports.cam_alignment.tables import alignment_table
from imbalens.reports.changes.figures import changes_figure, flows_figure
from imbalens.reports.changes.similarity import similarity_figure, similarity_table
from imbalens.reports.changes.tables import change_table, flow_table
from imbalens.reports.common.style import save
from imbalens.reports.common.tables import matrix_table
from imbalens.reports.compare import cam_rows_figure, class_figures_figure
from imbalens.reports.concepts.figures import concepts_figure
from imbalens.reports.differences.differences import differences_figure
from imbalens.reports.false_positives import false_positives_figure
from imbalens.reports.feature_overlap import pairs_figure, top_features_figure
from imbalens.reports.performance.classes import class_performance_figure, confusion_figure
from imbalens.reports.performance.labels import label_performance_figure
from imbalens.reports.prepare import samples_figure
from imbalens.reports.saliency_colours import class_pages_figure, colours_figure
from imbalens.store.examples import Example
from tests.reports.cam_alignment.test_tables import measured_of
from tests.reports.differences.test_differences import difference

LONG = "a_class_of_the_same_beginning_{}_and_of_the_same_end"
CLASSES = ["_hidden", "$a^$", "猫", "犬", LONG.format("left"), LONG.format("right"), "_", "a\tb"]
RUNS = ["_run", "$x$-猫", LONG.format("1"), LONG.format("2")]
SHOWN = [  # as LONG is cut, for both to be told apart
    "_hidden",
    "$a^$",
    r"\u732B",
    r"\u72AC",
    "a_class_o…left…_same_end",
    "a_class_o…right…same_end",
    "_",
    "a b",
]
N = len(CLASSES)
COUNTS = np.arange(N, 0, -1)
PIXELS = np.zeros((8, 8, 3), dtype=np.uint8)
EXAMPLES = [Example(name, PIXELS, np.array([[1, 2, 3, 4]])) for name in CLASSES]


def per_class(**columns):
    return pd.DataFrame({"class": CLASSES, "train_count": COUNTS, **columns})


def pairs(**columns):
    cells = [(one, two) for one in CLASSES for two in CLASSES if one != two]
    return pd.DataFrame(cells, columns=["class", "adversary"]).assign(**columns)


def by_archetype(**columns):
    cells = [(name, kind) for name in CLASSES for kind in ("safe", "border")]
    return pd.DataFrame(cells, columns=["class", "archetype"]).assign(**columns)


def groups():
    table = pd.DataFrame({"class": CLASSES, "archetype": "all", "group": "red", "share": 0.5})
    return table.assign(red=200.0, green=10.0, blue=10.0)


def flows():
    before, after = np.zeros(N, dtype=int), np.ones(N, dtype=int)
    flow = archetype_flow(before, after, np.arange(N), n_classes=N)
    return flow_table(dict.fromkeys(RUNS, flow), CLASSES, COUNTS)


def changes():
    change = {"cka": mean_change(np.linspace(0, 1, N), COUNTS, chance=np.nan)}
    return change_table(dict.fromkeys(RUNS, change), CLASSES, COUNTS)


def confusion():
    values = {"count": np.eye(N, dtype=int), "share": np.eye(N)}
    return matrix_table(values, CLASSES, COUNTS, rows="actual", columns="predicted")


def errors():
    return pd.DataFrame(
        [(run, name, 1) for run in RUNS for name in CLASSES],
        columns=["run", "adversary", "count"],
    )


NUMBERS = {run: place for place, run in enumerate(RUNS)}
SETTING = {"performance": {spec: dict.fromkeys(CLASSES, 0.5) for spec in ("recall", "precision")}}
BOTH = pd.concat([pairs(share=1 / N, kind=kind) for kind in ("errors", "neighbours")])
LABELS = per_class(auroc=0.5, ap=0.5, prevalence=0.5, probability=0.5, probability_positives=0.5)
ALIGNED = alignment_table(measured_of([2] * N), CLASSES)
CONCEPTS = pd.DataFrame({"class": [*CLASSES, "all"], "pairs": 1, "per": "label", "disjoint": 1.0})
# figure: how it is made, whether it names all classes, whether it names all runs
FIGURES = {
    "samples": lambda: samples_figure(EXAMPLES, dataset="d", n_classes=N),
    "class performance": lambda: class_performance_figure(
        per_class(recall=0.5, precision=0.5), run=RUNS[1]
    ),
    "label performance": lambda: label_performance_figure(LABELS, {}, run=RUNS[1]),
    "confusion": lambda: confusion_figure(confusion(), run=RUNS[1]),
    "true positives": lambda: true_positives_figure(
        by_archetype(count=1, true_positive_rate=0.5), run=RUNS[1]
    ),
    "prototypes": lambda: prototypes_figure(by_archetype(row=0), {0: PIXELS}, run=RUNS[1]),
    "adversaries": lambda: adversaries_figure(
        BOTH, run=RUNS[1], errors_by="by_actual", split="test"
    ),
    "top features": lambda: top_features_figure(
        per_class(position=1, feature=7, share=1.0), run=RUNS[1], top_k=2
    ),
    "shared features": lambda: pairs_figure(
        pairs(shared=1).rename(columns={"adversary": "other"}), run=RUNS[1]
    ),
    "colours": lambda: colours_figure(groups(), run=RUNS[1]),
    "alignment": lambda: alignment_figure(ALIGNED, order=CLASSES, run=RUNS[1]),
    "maps": lambda: cams_figure(
        EXAMPLES, np.ones((N, 2, 2)), np.ones(N), order=CLASSES, run=RUNS[1]
    ),
    "concepts": lambda: concepts_figure(CONCEPTS.assign(unique=1.0), order=CLASSES, run=RUNS[1]),
    "changes": lambda: changes_figure(changes(), dataset="d", baseline="b"),
    "flows": lambda: flows_figure(flows(), dataset="d", baseline="b"),
    "compared": lambda: class_figures_figure(
        dict.fromkeys(RUNS, SETTING), order=CLASSES, dataset="d"
    ),
    "compared maps": lambda: cam_rows_figure(
        EXAMPLES, {run: np.ones((N, 8, 8)) for run in RUNS}, order=CLASSES, dataset="d"
    ),
    "false positives": lambda: false_positives_figure(
        errors(), reference="actual", reference_class="猫", numbers=NUMBERS
    ),
}
OF_RUNS = {
    **{name: FIGURES[name] for name in ("compared", "compared maps", "false positives")},
    "changes": FIGURES["changes"],
    "flows": FIGURES["flows"],
    "differences": lambda: differences_figure(
        [difference(run, "performance", "auroc", 0.5) for run in RUNS],
        dataset="d",
        confidence=0.95,
        numbers=NUMBERS,
    ),
    "similarity": lambda: similarity_figure(
        similarity_table(Similarity(np.eye(4), np.eye(4)), RUNS), dataset="d"
    ),
}


def written(figure, tmp_path):
    """Return the texts of a figure that was drawn; a warning would have been an error."""
    save(figure, tmp_path / "figure.png")
    texts = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
    return [" ".join(text.split()) for text in texts if text]


@pytest.mark.parametrize("name", FIGURES)
def test_every_class_is_named_and_told_apart(name, tmp_path):
    texts = written(FIGURES[name](), tmp_path)
    for shown in SHOWN:
        found = [
            text for text in texts if text == shown or text.startswith((f"{shown} ", f"{shown},"))
        ]
        assert found, (shown, texts)
    assert any("no font here has these characters" in text for text in texts)


@pytest.mark.parametrize("name", OF_RUNS)
def test_every_run_is_named_and_told_apart(name, tmp_path):
    texts = written(OF_RUNS[name](), tmp_path)
    assert any(text.startswith("_run") for text in texts)
    assert any(text.startswith(r"$x$-\u732B") for text in texts)
    ends = [text for text in texts if text.startswith("a_class_o")]
    ends += [text for text in texts if LONG[:20] in text]
    assert len({text for text in ends if "1" in text or "2" in text}) >= 2, texts


def test_prototypes_and_colours_of_head_and_tail_are_named(tmp_path):
    images = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    figure = class_pages_figure(groups(), by_archetype(row=0), images, run=RUNS[1])
    texts = written(figure, tmp_path)
    assert {"_hidden, safe", "a b, salient colours"} <= set(texts)


@pytest.mark.parametrize("name", ["adversaries", "compared", "false positives"])
def test_legends_have_an_entry_for_each(name):
    (legend,) = FIGURES[name]().legends
    entries = [text.get_text() for text in legend.get_texts()]
    assert len(set(entries)) == (N if name == "adversaries" else len(RUNS))
    assert entries[0].startswith("_")
