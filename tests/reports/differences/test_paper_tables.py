"""Tables of the papers, filled."""

from dataclasses import replace

import numpy as np
import pytest

from imbalens.analysis.differences.adversaries import Divergences
from imbalens.analysis.differences.intervals import ValueInterval
from imbalens.analysis.differences.setup import Setup
from imbalens.reports.differences.paper_layout import paper_frame, paper_markdown
from imbalens.reports.differences.paper_tables import (
    DIVERGENCES,
    SETUP,
    divergence_table,
    paper_a_tables,
    setup_table,
)
from tests.reports.differences.test_differences import alignment, difference

NAN = np.nan
MADE = Setup(
    task="multiclass",
    counts=np.array([100, 25, 0]),
    n_train=125,
    negatives=np.array([25, 100, 125]),
    test_shape=(30, 32, 32, 3),
    n_features=64,
    imbalance="cap_negatives",
    epochs=14,
    network="resnet8",
    loss="ce",
)


def lay_out(differences, runs, task="multilabel"):
    setups = {
        run: replace(MADE, task=task, network=network, loss=loss)
        for run, (network, loss) in runs.items()
    }
    return paper_a_tables(differences, setups, confidence=0.95)


def lines_of(table):
    """Rows of a table below its heading and text."""
    return paper_markdown(table).splitlines()[4:]


def test_losses_stand_in_rows_and_networks_in_columns():
    runs = {
        "ce": ("resnet50", "bce"),
        "focal": ("resnet50", "focal"),
        "dense": ("densenet", "bce"),
        "dense-focal": ("densenet", "focal"),
        "dense-wbce": ("densenet", "wbce"),
    }
    first, second = lay_out(
        [
            *alignment("focal", 0.5, 0.125),
            *alignment("dense-focal", 0.375, 0.25, baseline="dense", base=0.5),
            *alignment("dense-wbce", 0.625, 0.75, baseline="dense", base=0.5),
            difference("focal", "concepts", "disjoint", 112.0, base=100.0),
            difference("focal", "concepts", "unique", 9.5, base=8.0),
        ],
        runs,
    )
    assert (first.name, second.name) == ("paper_a_table_1", "paper_a_table_2")
    assert first.text.startswith("In brackets: 95% interval of the difference from the baseline")
    assert lines_of(first) == [
        "| Task | Multi-label | Multi-label | Multi-label | Multi-label |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| Classifier | resnet50 | resnet50 | densenet | densenet |",
        "| Metric | IoBB | IoR | IoBB | IoR |",
        "| bce | 0.250 | 0.250 | 0.500 | 0.500 |",
        "| focal | 0.500 (+0.125 to +0.375) | 0.125 (-0.250 to +0.000) | "
        "0.375 (-0.250 to +0.000) | 0.250 (-0.375 to -0.125) |",
        "| wbce |  |  | 0.625 (+0.000 to +0.250) | 0.750 (+0.125 to +0.375) |",
    ]
    assert lines_of(second)[2:] == [
        "| Classifier | resnet50 | resnet50 |",
        "| Metric | Disjoint | Unique |",
        "| bce | 100.0 | 8.000 |",
        "| focal | 112.0 (+11.9 to +12.1) | 9.500 (+1.375 to +1.625) |",
    ]
    frame = paper_frame(second)
    name = "Multi-label resnet50 Disjoint"
    assert frame.columns.tolist()[:4] == [
        "Loss",
        name,
        f"{name} difference low",
        f"{name} difference high",
    ]
    assert frame[name].tolist() == [100.0, 112.0]


def test_runs_of_the_same_loss_and_network_have_rows_of_their_own():
    runs = {"ce": ("net", "bce"), "focal": ("net", "focal"), "focal-paper": ("net", "focal")}
    differences = [*alignment("focal", 0.5, 0.5), *alignment("focal-paper", 0.75, 0.75)]
    table = lay_out(differences, runs)[0]
    assert [row.keys for row in table.rows] == [("bce",), ("focal",), ("focal-paper",)]
    assert table.rows[2].cells[0].value == 0.75


def test_a_run_without_maps_has_no_row():
    runs = {"ce": ("net", "bce"), "wbce": ("net", "wbce"), "focal": ("net", "focal")}
    accuracy = difference("wbce", "performance", "auroc", 0.5)
    first, second = lay_out([accuracy, *alignment("focal", 0.5, 0.5)], runs)
    assert [row.keys for row in first.rows] == [("bce",), ("focal",)]
    assert second.rows == []


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "binary"])
def test_an_empty_table_keeps_its_columns_and_says_why(task):
    for table in lay_out([], {"ce": ("net", "bce")}, task):
        assert paper_markdown(table).splitlines() == [
            f"## {table.title}",
            "",
            "Empty: no baseline and other setting both have maps (dumps.maps.runs).",
        ]
        assert len(paper_frame(table).columns) == 1 + 2 * 3
    assert paper_frame(lay_out([], {})[0]).columns.tolist() == ["Loss"]


def test_too_few_images_and_undefined_values():
    runs = {"ce": ("net", "bce"), "focal": ("net", "focal")}
    differences = [
        difference("focal", "cam_alignment", "iobb", 0.5, few=True),
        difference("focal", "cam_alignment", "ior", NAN, few=True),
    ]
    assert lines_of(lay_out(differences, runs)[0])[4:] == [
        "| bce | 0.250 | 0.250 |",
        "| focal | 0.500 (too few images) |  |",
    ]


def test_classes_do_not_enter_the_tables():
    runs = {"ce": ("net", "bce"), "focal": ("net", "focal")}
    differences = alignment("focal", 0.5, 0.5) + alignment("focal", 0.9, 0.9, label="Mass")
    assert lay_out(differences, runs) == lay_out(differences[:2], runs)


def test_a_dataset_has_a_row_per_way_of_training():
    given = replace(MADE, epochs=None)
    table = setup_table("made", [MADE, MADE, given])
    assert tuple(name for (name,) in table.columns) == SETUP
    assert lines_of(table)[2:] == [
        "| made | 3 | 125 | 30 | 3072 | 64 | Cap negatives | 4:1 | 14 | resnet8 |",
        "| made | 3 | 125 | 30 | 3072 | 64 | Cap negatives | 4:1 |  | resnet8 |",
    ]
    assert paper_frame(table).columns.tolist() == ["Dataset", *SETUP], "nothing has an interval"


@pytest.mark.parametrize(
    ("task", "counts", "expected"),
    [
        ("multiclass", [100, 1, 50], "100:1"),
        ("multiclass", [100, 30, 0], "3.3:1"),
        ("multilabel", [100, 8, 0], "74:1"),
        ("binary", [150], "3:1"),
        ("multilabel", [0, 0], None),
    ],
)
def test_imbalance_is_that_of_the_classes_there_are(task, counts, expected):
    changes = {"counts": np.array(counts), "negatives": 600 - np.array(counts)}
    setup = replace(MADE, task=task, n_train=600, **changes)
    (row,) = setup_table("made", [setup]).rows
    assert row.cells[6].value == expected


def test_imbalance_of_labels_is_of_those_known():
    counts, negatives = np.array([100, 8]), np.array([500, 400])  # of the second 192 are not known
    setup = replace(MADE, task="multilabel", n_train=600, counts=counts, negatives=negatives)
    (row,) = setup_table("made", [setup]).rows
    assert row.cells[6].value == "50:1"


@pytest.mark.parametrize(
    ("errors", "text"), [("by_actual", "(the paper's are"), ("by_predicted", "as false positives")]
)
def test_a_run_has_a_row_of_divergences_with_their_own_intervals(errors, text):
    ends = [(0.5, 0.25, 0.75), (12.5, -1.5, 26.5), (0.25, NAN, NAN), (NAN, NAN, NAN)]
    found = {
        name: ValueInterval(*(np.array([end]) for end in one))
        for name, one in zip(DIVERGENCES, ends, strict=True)
    }
    table = divergence_table(
        "made", {"made-ce": Divergences(found, 7)}, split="val", errors=errors, confidence=0.9
    )
    assert text in table.text
    assert "90% interval over val images" in table.text
    assert table.text.endswith("is left out.")
    assert lines_of(table) == [
        "| Dataset | Setting | Classes | NNB KLD | FDR KLD | Rand. KLD | NNB:Rand. factor |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| made | made-ce | 7 | 0.500 (0.250 to 0.750) | 12.5 (-1.500 to 26.5) | "
        "0.250 (too few images) |  |",
    ]
    frame = paper_frame(table)
    assert frame.columns.tolist()[:6] == [
        "Dataset",
        "Setting",
        "Classes",
        "NNB KLD",
        "NNB KLD low",
        "NNB KLD high",
    ]
    assert frame.iloc[0, 3:9].tolist() == [0.5, 0.25, 0.75, 12.5, -1.5, 26.5]


@pytest.mark.parametrize("classes", [0, 1])
def test_divergences_that_there_are_not_say_why(classes):
    nothing = {name: ValueInterval(*[np.array([NAN])] * 3) for name in DIVERGENCES}
    settings = {"made-ce": Divergences(nothing, classes)}
    table = divergence_table("made", settings, split="val", errors="by_actual", confidence=0.9)
    assert lines_of(table)[2] == f"| made | made-ce | {classes} |  |  |  |  |"
    why = "fewer than two are left, or there are but two: with two classes every error of a class "
    assert why in table.text
