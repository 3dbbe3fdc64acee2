"""Names in words."""

import pytest

from imbalens.reports.differences.headings import heading


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ece", "ECE"),
        ("balanced_accuracy", "balanced accuracy"),
        ("iobb_shifted", "IoBB, shifted boxes"),
        ("iou_matched", "IoU, matched scale"),
        ("empty_matched", "empty maps, matched scale"),
        ("many", "recall of many-shot classes"),
        ("training images", "training images"),
        ("matched", "matched"),
    ],
)
def test_a_heading_is_in_words(name, expected):
    assert heading(name) == expected
