from dataclasses import replace

import numpy as np
import pytest

from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.differences.differences import Differences
from imbalens.reports.common.palette import MARKERS, run_numbers
from imbalens.reports.differences.differences import (
    COLUMNS,
    differences_figure,
    differences_metrics,
    differences_table,
    draw_differences,
)
from imbalens.store.files import jsonable

NAN = np.nan


def difference(setting, stage, measure, value, *, base=0.25, label=None, few=False, baseline="ce"):
    """A difference of made-up numbers; undefined where too few images are behind it."""
    delta = NAN if few else value - base
    figures = (delta, delta - 0.125, delta + 0.125, delta if few else 0.01, delta if few else 0.04)
    return Difference(setting, baseline, stage, measure, label, base, value, *figures, 40, 1, NAN)


def alignment(run, iobb, ior, **options):
    return [
        difference(run, "cam_alignment", "iobb", iobb, **options),
        difference(run, "cam_alignment", "ior", ior, **options),
    ]


def build(differences):
    numbers = run_numbers({one.setting: () for one in differences})
    return differences_figure(differences, dataset="d", confidence=0.95, numbers=numbers)


def test_the_table_has_a_row_per_difference_and_an_empty_class_over_all():
    rows = [
        replace(difference("wbce", "performance", "auroc", 0.75), classes=7),
        difference("wbce", "performance", "auroc", 0.5, label="Mass"),
        difference("wbce", "concepts", "unique", 12.0, few=True),
    ]
    table = differences_table(rows)
    assert tuple(table.columns) == COLUMNS
    assert table["setting"].tolist() == ["wbce"] * 3
    assert table["baseline"].tolist() == ["ce"] * 3
    assert table["measure"].tolist() == ["auroc", "auroc", "unique"]
    assert table["class"].isna().tolist() == [True, False, True]
    assert table["class"][1] == "Mass"
    lines = table.to_csv(index=False).splitlines()
    assert lines[1] == (
        "wbce,performance,auroc,,ce,0.25,0.75,0.5,0.375,0.625,0.01,0.04,40,1,,7,"
        '"images, these trainings",'
    )
    assert lines[2].endswith(',40,1,,,"images, these trainings",'), "not a mean over classes"
    assert lines[3] == 'wbce,concepts,unique,,ce,0.25,12.0,,,,,,40,1,,,"images, these trainings",'


def test_an_empty_table_keeps_its_columns():
    assert differences_table([]).to_csv(index=False) == ",".join(COLUMNS) + "\n"


def test_metrics_are_nested_and_over_all_classes():
    rows = [
        difference("wbce", "performance", "auroc", 0.75),
        difference("wbce", "performance", "auroc", 0.5, label="Mass"),
        difference("wbce", "concepts", "unique", 12.0, few=True),
        difference("focal", "performance", "auroc", 0.25),
    ]
    found = jsonable(differences_metrics(rows))
    assert {run: {stage: list(m) for stage, m in s.items()} for run, s in found.items()} == {
        "wbce": {"performance": ["auroc"], "concepts": ["unique"]},
        "focal": {"performance": ["auroc"]},
    }
    common = {"baseline_value": 0.25, "images": 40, "seeds": 1, "spread": None, "classes": None}
    assert found["wbce"]["performance"]["auroc"] == common | {
        "value": 0.75,
        "difference": 0.5,
        "low": 0.375,
        "high": 0.625,
        "p": 0.01,
        "p_adjusted": 0.04,
    }
    undefined = dict.fromkeys(("difference", "low", "high", "p", "p_adjusted"))
    assert found["wbce"]["concepts"]["unique"] == common | undefined | {"value": 12.0}
    assert differences_metrics([]) == {}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def panels(figure):
    return [axes for axes in figure.axes if axes.axison]


def marks(axes):
    """Position and run of each difference, and the ends of its interval."""
    lines = [line for line in axes.lines if len(set(line.get_ydata())) == 1]
    points = [line for line in lines if line.get_marker() in MARKERS]
    spans = [line for line in lines if line.get_marker() not in MARKERS]
    return {
        point.get_ydata()[0]: (point.get_xdata()[0], *span.get_xdata())
        for point, span in zip(points, spans, strict=True)
    }


def test_the_figure_has_a_panel_per_measure_over_all_classes():
    differences = [
        difference("wbce", "performance", "auroc", 0.75),
        difference("wbce", "performance", "auroc", 0.5, label="Mass"),
        *alignment("wbce", 0.5, 0.125),
        difference("wbce", "concepts", "disjoint", 12.0),
        difference("wbce", "concepts", "unique", 12.0),
        difference("focal", "performance", "auroc", 0.5),
    ]
    figure = build(differences)
    titles = [axes.get_title() for axes in panels(figure)]
    assert titles == [
        "performance\nAUROC of labels",
        "CAM alignment\nIoBB",
        "CAM alignment\nIoR",
        "concepts\ndisjoint concepts",
        "concepts\nunique concepts",
    ]
    first = panels(figure)[0]
    assert [label.get_text() for label in first.get_yticklabels()] == ["wbce", "focal"]
    assert marks(first) == {0: (0.5, 0.375, 0.625), 1: (0.25, 0.125, 0.375)}
    assert marks(panels(figure)[1]) == {0: (0.25, 0.125, 0.375)}, "focal has no maps"
    assert figure.get_suptitle() == (
        "What the loss changed · d\ndifference from ce\n95% interval over images, these trainings"
    )


def test_the_figure_says_what_intervals_and_means_are_over():
    auroc = replace(difference("wbce", "performance", "auroc", 0.5), classes=7, over="patients")
    focal = replace(auroc, setting="focal", over="patients and seeds")
    figure = build([auroc, focal, difference("wbce", "cam_alignment", "auroc", 0.5)])
    assert [axes.get_title() for axes in panels(figure)] == [
        "performance\nAUROC of labels, mean of 7 classes",
        "CAM alignment\nAUROC of pixels in boxes",
    ]
    assert " ".join(figure.get_suptitle().split()).endswith(
        "95% interval over patients or over patients and seeds or over images, these trainings"
    )
    assert build([focal]).get_suptitle().endswith("95% interval over patients and seeds")


def test_a_difference_without_interval_is_a_point():
    ece = replace(difference("wbce", "performance", "ece", 0.5), low=NAN, high=NAN, p=NAN)
    (axes,) = panels(build([ece]))
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == [0.25]
    assert texts(axes) == []
    assert not [line for line in axes.lines if line.get_linewidth() == 2]


def test_the_first_run_stands_on_top_of_every_panel():
    runs = ["wbce", "focal", "cb"]
    figure = build([one for run in runs for one in alignment(run, 0.5, 0.5)])
    for axes in panels(figure):
        bottom, top = axes.get_ylim()
        assert (bottom, top) == (2.5, -0.5)


def test_where_there_is_no_difference_it_is_said_why():
    figure = build(
        [
            difference("wbce", "performance", "auroc", 0.5, few=True),
            difference("focal", "performance", "auroc", NAN, few=True),
            difference("cb", "performance", "auroc", 0.5),
        ]
    )
    (axes,) = panels(figure)
    assert texts(axes) == ["too few images", "undefined"]
    assert [text.get_position()[1] for text in axes.texts] == [0, 1]
    assert list(marks(axes)) == [2]


@pytest.mark.parametrize(
    "differences", [[], [difference("wbce", "performance", "auroc", 0.5, label="Mass")]]
)
def test_without_a_run_the_figure_says_so(differences):
    (axes,) = build(differences).axes
    assert texts(axes) == ["nothing to compare with a baseline"]


@pytest.mark.parametrize(
    "differences",
    [
        [],
        alignment("wbce", 0.5, 0.5),
        alignment("wbce", NAN, NAN, few=True, base=NAN),
        [
            difference(f"a-run-with-a-long-$name$-{i}", "performance", f"measure_{j}", 0.5)
            for i in range(12)
            for j in range(7)
        ],
    ],
    ids=["none", "one", "undefined", "many"],
)
def test_files_are_byte_stable(tmp_path, differences):
    written = []
    for name in ("first.png", "second.png"):
        measured = {one.setting: [] for one in differences}
        found = Differences(measured, differences, {}, judged="test", confidence=0.95)
        draw_differences(found, tmp_path / name, dataset="d")
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(b"\x89PNG")
    assert written[0] == written[1]
