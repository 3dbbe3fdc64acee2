import numpy as np
import pytest

from imbalens.analysis.changes.similarity import Similarity
from imbalens.reports.changes.similarity import (
    draw_similarity,
    similarity_figure,
    similarity_table,
)
from imbalens.reports.common.names import short_names

NAN = np.nan
PLAIN = np.array([[1, 0.9], [0.9, 1]])
DEBIASED = np.array([[1, -0.25], [-0.25, NAN]])


def table_of(runs=("a", "b")):
    return similarity_table(Similarity(PLAIN, DEBIASED), runs)


def test_a_row_for_every_ordered_pair():
    table = table_of()
    assert list(zip(table["run"], table["other"], strict=True)) == [
        ("a", "a"),
        ("a", "b"),
        ("b", "a"),
        ("b", "b"),
    ]
    np.testing.assert_array_equal(table["cka"], [1, 0.9, 0.9, 1])
    np.testing.assert_array_equal(table["cka_debiased"], [1, -0.25, -0.25, NAN])


def test_the_figure_shows_the_debiased_estimate_in_the_order_of_the_runs():
    axes = similarity_figure(table_of(("z", "a")), dataset="d").axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array().filled(NAN), DEBIASED)
    assert [text.get_text() for text in axes.texts] == ["1.00", "-0.25", "-0.25"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z", "a"]


LONG = "nih_chest_xray-densenet121_truncated-imagenet"


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        (["planted-ce", "planted-ldam"], ["planted-ce", "planted-ldam"]),
        ([f"{LONG}-focal-seed0", f"{LONG}-cb_focal-seed0"], ["focal-seed0", "cb_focal-seed0"]),
        ([f"{LONG}-bce", f"{LONG}-bce-seed1"], ["bce", "bce-seed1"]),
        ([LONG], [LONG]),
        ([LONG, "other"], ["nih_chest_xr…ed-imagenet", "other"]),
        ([], []),
    ],
)
def test_long_names_lose_what_all_have(runs, shown):
    assert short_names(runs) == shown


def test_files_are_byte_stable(tmp_path):
    for name in ("first", "second"):
        draw_similarity(table_of(), tmp_path / f"{name}.png", dataset="d")
    written = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert len(written) == 2
    assert written[0] == written[1]
