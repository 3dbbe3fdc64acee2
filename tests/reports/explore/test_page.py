import numpy as np
import pytest

from imbalens.analysis.explore.embedding import principal_plane
from imbalens.analysis.explore.explore import explore
from imbalens.classes import Seen
from imbalens.reports.common.palette import MAX_CLASSES
from imbalens.reports.explore.cams import MAX_CELLS, choose_cams
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.page import choose_opening
from imbalens.reports.explore.values import About, class_legend


def look(predictions, names=("a", "b"), train=(0, 0, 1, 0)):
    """What a run tells, as far as opening and legend ask."""

    def seen(own, taken):
        own = np.array(own)
        return Seen(
            own, np.arange(len(own)), own, None if taken is None else np.array(taken), None
        )

    of_train = seen(train, None if predictions is None else train)
    features = np.random.default_rng(0).normal(size=(len(train) + 4, 2))
    cuts = {"n_neighbors": 3, "safe_from": 3, "border_from": 2, "rare_from": 1}
    found = explore(
        *(features[4:], of_train.targets, of_train.classes, None, features[:4]),
        lay_out=principal_plane,
        n_candidates=1,
        **cuts,
    )
    return Look("ce", names, of_train, seen([0, 1, 1, 0], predictions), np.arange(4), found)


LOOKS = {
    "ce": look([0, 1, 1, 0]),
    "ce-1": look([1, 0, 0, 1]),
    "ldam": look([0, 1, 0, 0]),
    "focal": look([0, 0, 0, 0]),
}
SETTINGS = {"ce": "ce", "ce-1": "ce", "ldam": "ldam", "focal": "focal"}


@pytest.mark.parametrize(
    ("runs", "first", "other"),
    [
        (("ce", "ce-1", "ldam", "focal"), "ce", "focal"),
        (("ce", "ldam", "ce-1"), "ce", "ldam"),
        (("ce", "ldam", "focal"), "focal", "ce"),
        (("ce", "ce-1"), "ce", "ce-1"),
        (("ce",), "ce", None),
    ],
)
def test_beside_the_baseline_stands_the_setting_that_predicts_least_alike(runs, first, other):
    opening = choose_opening({run: LOOKS[run] for run in runs}, SETTINGS, first=first)
    assert (opening.a, opening.b) == (first, other)
    assert (opening.subject, opening.colour) == (None, "class")


def test_runs_that_predict_nothing_stand_in_their_order():
    looks = {"a": look(None), "b": look(None), "c": look(None)}
    assert choose_opening(looks, dict(zip("abc", "abc", strict=True)), first="a").b == "b"


def about(many_above=3, few_below=2):
    return About("d", False, "test", "pca", "t.csv", None, many_above, few_below)


def test_few_classes_have_a_colour_each_and_many_one_per_size():
    few = class_legend(look(None, names=("tail", "head"), train=(0, 1, 1, 1)), about())
    assert [(each["label"], each["codes"]) for each in few] == [("head", [1]), ("tail", [0])]
    assert len({each["colour"] for each in few}) == 2
    counts = [5, 4, 3, 2, *[1] * (MAX_CLASSES - 3)]
    train = np.repeat(np.arange(len(counts)), counts)
    names = tuple(f"class {code}" for code in range(len(counts)))
    legend = class_legend(look(None, names=names, train=train), about())
    assert [each["codes"].tolist() for each in legend] == [
        [0, 1],
        [2, 3],
        list(range(4, len(counts))),
    ]
    assert [each["colour"] for each in legend] == ["tier-many", "tier-medium", "tier-few"]
    without = class_legend(look(None, names=names, train=train), about(few_below=1))
    assert [each["colour"] for each in without] == ["tier-many", "tier-medium"]


def test_maps_are_of_images_on_the_page_and_spread_over_the_classes():
    pairs = np.column_stack([np.arange(30), np.arange(30) // 20])
    places = np.where(np.arange(30) % 2, -1, np.arange(30))
    all_shown = choose_cams(pairs, places, side=7, n_runs=3)
    assert pairs[all_shown, 0].tolist() == list(range(0, 30, 2))
    side = int((MAX_CELLS / 3 / 6) ** 0.5)
    some = choose_cams(pairs, places, side=side, n_runs=3)
    assert np.bincount(pairs[some, 1]).tolist() == [3, 3]
    assert 3 * len(some) * side**2 <= MAX_CELLS
