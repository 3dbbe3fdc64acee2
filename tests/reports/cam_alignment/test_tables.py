import numpy as np

from imbalens.analysis.cam_alignment.alignment import Alignment, AlignmentSummary
from imbalens.analysis.cam_alignment.cam_alignment import CamAlignment
from imbalens.analysis.cam_alignment.matched import MatchedAlignment
from imbalens.analysis.cam_alignment.pairs import PairAlignment
from imbalens.reports.cam_alignment.tables import (
    alignment_metrics,
    alignment_table,
    cam_table,
    instance_table,
)

NAN = np.nan


def summary_of(pairs, scale=1.0):
    """Class i has iobb .1 (i + 1), ior .2 (i + 1), ...; none where it has no pairs."""
    pairs = np.array(pairs)
    means = 0.1 * scale * np.outer(np.arange(len(pairs)) + 1, [1, 2, 0.5, 3, 0.25])
    means[pairs == 0] = NAN
    return AlignmentSummary(pairs, means, scale * np.array([0.5, 0.6, 0.7, 0.8, 0.9]))


def measured_of(pairs, **scales):
    """Soft measures, those at matched scale half as large, and others by kind and scale."""
    scales = {"soft": 1.0, "matched": 0.5} | scales
    return alignment_of(pairs, {kind: summary_of(pairs, scale) for kind, scale in scales.items()})


def nothing_measured(n_classes):
    means = np.full((n_classes, 5), NAN)
    summary = AlignmentSummary(np.zeros(n_classes, dtype=int), means, np.full(5, NAN))
    return alignment_of([0] * n_classes, {"soft": summary, "matched": summary})


def alignment_of(n_pairs, summaries):
    """Two classes on an image wherever that can be; of each pair nothing but that it is there."""
    pairs = [(row, label) for label, n in enumerate(n_pairs) for row in range(n)]
    no, flags = np.empty(0), np.empty(0, dtype=bool)
    each = PairAlignment(
        Alignment(no, no, no, no, flags), None, MatchedAlignment(no, no, no, no, flags)
    )
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    pointing = np.linspace(0.0, 1.0, len(pairs))
    return CamAlignment(pairs, np.zeros((len(pairs), 1, 1)), each, summaries, pointing)


def test_table_lists_classes_head_first_and_all_last():
    table = alignment_table(measured_of([3, 0, 7], hard=0.9, untrained=0.5), ["a", "b", "c"])
    assert list(table["class"]) == ["c", "a", "b", "all"]
    assert list(table["pairs"]) == [7, 3, 0, 10]
    columns = {
        "iobb": [0.3, 0.1, NAN, 0.5],
        "ior": [0.6, 0.2, NAN, 0.6],
        "iou": [0.15, 0.05, NAN, 0.7],
        "pointing": [0.9, 0.3, NAN, 0.8],
        "all_zero": [0.075, 0.025, NAN, 0.9],
        "iobb_hard": [0.27, 0.09, NAN, 0.45],
        "ior_hard": [0.54, 0.18, NAN, 0.54],
        "iou_hard": [0.135, 0.045, NAN, 0.63],
        "iobb_untrained": [0.15, 0.05, NAN, 0.25],
        "ior_untrained": [0.3, 0.1, NAN, 0.3],
        "iobb_shifted": [NAN] * 4,
        "ior_shifted": [NAN] * 4,
        "auroc": [0.15, 0.05, NAN, 0.25],
        "iobb_matched": [0.3, 0.1, NAN, 0.3],
        "ior_matched": [0.075, 0.025, NAN, 0.35],
        "iou_matched": [0.45, 0.15, NAN, 0.4],
        "empty_matched": [0.0375, 0.0125, NAN, 0.45],
    }
    assert list(table.columns) == ["class", "pairs", *columns]
    for name, values in columns.items():
        np.testing.assert_allclose(table[name], values, atol=1e-12, err_msg=name)


def test_metrics_hold_every_kind_and_the_classes_that_have_pairs():
    found = measured_of([2, 0], hard=0.9, untrained=0.5, matched_untrained=0.25, shifted=0.2)
    metrics = alignment_metrics(found, ["a", "b"])
    soft = {"iobb": 0.1, "ior": 0.2, "iou": 0.05, "pointing": 0.3, "all_zero": 0.025}
    overall = {"iobb": 0.5, "ior": 0.6, "iou": 0.7, "pointing": 0.8, "all_zero": 0.9}
    names = ["auroc", "iobb", "ior", "iou", "empty"]
    matched = metrics.pop("matched")
    assert rounded(metrics.pop("class")) == {"a": soft | {"pairs": 2}}
    for kind, scale in (("hard", 0.9), ("untrained", 0.5), ("shifted", 0.2)):
        expected = {name: scale * value for name, value in overall.items()}
        if kind == "hard":
            del expected["pointing"]
        assert rounded(metrics.pop(kind)) == rounded(expected)
    assert metrics.pop("controlled") == {"pointing": 0.5}
    assert metrics == overall | {"pairs": 2, "images": 2}
    each = {"a": [value / 2 for value in soft.values()]}
    assert rounded(matched.pop("class")) == {
        label: rounded(dict(zip(names, values, strict=True))) for label, values in each.items()
    }
    for part, scale in ((matched.pop("untrained"), 0.25), (matched, 0.5)):
        assert rounded(part) == rounded(
            {name: scale * value for name, value in zip(names, overall.values(), strict=True)}
        )


def rounded(values):
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    return round(float(values), 12)


def test_a_row_per_pair():
    values = np.array([0.5, 0.25])
    empty = np.array([True, False])
    measured = PairAlignment(
        soft=Alignment(values, values + 0.1, values + 0.2, values + 0.3, empty),
        hard=None,
        matched=MatchedAlignment(
            np.array([NAN, 0.75]), values / 2, values / 4, values / 8, ~empty
        ),
    )
    pairs = np.array([[5, 1], [9, 0]])
    found = CamAlignment(pairs, np.zeros((2, 1, 1)), measured, {}, np.array([-0.5, 1.0]))
    table = instance_table(pairs, ["a", "b"], found)
    assert list(table.columns)[:2] == ["row", "class"]
    assert table["row"].tolist() == [5, 9]
    assert table["class"].tolist() == ["b", "a"]
    first, second = table.drop(columns=["row", "class"]).to_dict("records")
    assert np.isnan(first.pop("auroc"))
    assert rounded(first) == {
        "iobb": 0.5,
        "ior": 0.6,
        "iou": 0.7,
        "pointing": 0.8,
        "all_zero": 1,
        "iobb_matched": 0.25,
        "ior_matched": 0.125,
        "iou_matched": 0.0625,
        "empty_matched": 0,
        "pointing_controlled": -0.5,
    }
    assert (second["auroc"], second["all_zero"], second["empty_matched"]) == (0.75, 0, 1)


def test_a_row_per_cell():
    cams = np.arange(12.0).reshape(2, 2, 3) / 7
    table = cam_table(np.array([[6, 0], [8, 1]]), ["a", "b"], cams)
    assert list(table.columns) == ["example", "row", "class", "y", "x", "value"]
    assert len(table) == 12
    assert table.iloc[8].tolist() == [1, 8, "b", 0, 2, "1.14286"]
