"""Metrics and tables of a run's performance."""

import numpy as np

from imbalens.analysis.performance.performance import performance
from imbalens.reports.performance.tables import (
    confusion_table,
    performance_metrics,
    performance_table,
)

OPTIONS = {"n_bins": 5, "many_above": 100, "few_below": 20, "min_images": 1}
LABELS = performance(
    np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]),
    np.array([[1, 0], [0, 0], [1, 0]], np.uint8),
    np.array([5, 50]),
    ["a", "b"],
    thresholds=np.full(2, 2.0),
    **OPTIONS,
)
CLASSES = performance(
    np.eye(3)[[0, 1, 1]],
    np.array([0, 1, 0]),
    np.array([5, 500, 50]),
    ["a", "b", "c"],
    thresholds=None,
    **OPTIONS,
)


def test_a_table_is_head_first_and_complete():
    table = performance_table(LABELS, np.array([5, 50]))
    assert list(table.columns) == ["class", "train_count", "prevalence", *LABELS.each]
    assert table["class"].tolist() == ["b", "a"]
    assert table["train_count"].tolist() == [50, 5]
    for name, values in LABELS.each.items():
        np.testing.assert_array_equal(table[name], values[::-1])
    np.testing.assert_array_equal(table["prevalence"], [0, 2 / 3])
    table = performance_table(CLASSES, np.array([5, 500, 50]))
    assert list(table.columns) == ["class", "train_count", "recall", "precision", "f1"]
    assert table["class"].tolist() == ["b", "c", "a"]


def test_metrics_of_classes_are_mappings_by_class():
    found = performance_metrics(CLASSES, {"recall_ordinary": 0.5})
    assert found["recall"]["a"] == 0.5
    assert np.isnan(found["recall"]["c"])
    assert found["balanced_accuracy"] == 0.75
    assert found["classes"] == {"balanced_accuracy": 2, "many": 1, "medium": 0, "few": 1}
    assert found["n"] == 3
    assert found["recovery"] == {"recall_ordinary": 0.5}
    assert "recovery" not in performance_metrics(CLASSES, None)


def test_metrics_of_labels_are_means_and_mappings_by_label():
    found = performance_metrics(LABELS, None)
    assert found["auroc"] == found["class"]["a"]["auroc"] == 0.5
    assert found["classes"]["auroc"] == 1
    assert found["class"]["a"]["n_positives"] == 2
    assert found["undefined"] == ["b"]


def test_shares_of_the_confusion_are_of_the_actual_class():
    table = confusion_table(CLASSES, np.array([5, 500, 50])).set_index(["actual", "predicted"])
    assert table.loc[("a", "b")].tolist() == [1, 0.5]
    assert table.loc[("c", "a"), "count"] == 0
    assert np.isnan(table.loc[("c", "a"), "share"])
