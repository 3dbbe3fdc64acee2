import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.common.recovery import (
    box_recovery,
    colour_recovery,
    prediction_recovery,
    shares_in_boxes,
)
from tests.analysis.oracles import NAN, close


def test_colour_hand_made():
    base_shares = np.array([[0.5, 0.4, 0.1], [0.5, 0.5, 0.0], [0.2, 0.4, 0.4]])
    shares = np.array([[0.2, 0.7, 0.1], [0.6, 0.35, 0.05], [NAN] * 3])
    # class 0 gains .3 in its colour; class 1 loses .15 in its own; class 2 is not judged
    assert colour_recovery(shares, base_shares, np.array([1, 1, 0])) == close(
        {"top1": 0.5, "mean_gain": 0.075, "n": 2.0}
    )


def test_colour_without_judged_classes():
    undefined = np.full((2, 3), NAN)
    found = colour_recovery(undefined, undefined, np.array([0, 1]))
    assert found == close({"top1": NAN, "mean_gain": NAN, "n": 0.0})


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_colour_agrees_with_slow_oracle_whatever_the_group_names(seed):
    rng = np.random.default_rng(seed)
    shares, base_shares = rng.dirichlet(np.ones(14), 5), rng.dirichlet(np.ones(14), 5)
    defining, names = rng.integers(0, 14, 5), rng.permutation(14)
    hits, gains = 0, []
    for c in range(5):
        gain = [shares[c, g] - base_shares[c, g] for g in range(14)]
        hits += gain.index(max(gain)) == defining[c]
        gains.append(gain[defining[c]])
    expected = {"top1": hits / 5, "mean_gain": sum(gains) / 5, "n": 5.0}
    assert colour_recovery(shares, base_shares, defining) == close(expected)
    old = np.argsort(names)
    renamed = colour_recovery(shares[:, old], base_shares[:, old], names[defining])
    assert renamed == close(expected)


def test_colour_refuses_an_unknown_group():
    with pytest.raises(ValueError, match=r"defining must lie in 0\.\.1, found 2"):
        colour_recovery(np.zeros((1, 2)), np.zeros((1, 2)), np.array([2]))


def test_box_hand_made():
    found = box_recovery(np.array([0.9, 0.5, NAN, 1.0]), np.array([0.25, 0.1, 0.3, NAN]))
    assert found == close({"salient_in_box": 0.7, "box_area": 0.175, "lift": 4.0, "n": 2.0})


def test_box_without_images():
    empty = np.empty(0)
    assert box_recovery(empty, empty) == close(
        {"salient_in_box": NAN, "box_area": NAN, "lift": NAN, "n": 0.0}
    )


def test_box_salient_everywhere_has_no_lift():
    area = np.random.default_rng(0).random(20)
    assert box_recovery(area, area)["lift"] == pytest.approx(1)


@pytest.mark.parametrize("name", ["salient_in_box", "box_share"])
def test_box_refuses_what_is_no_share(name):
    shares = {"salient_in_box": np.array([0.5]), "box_share": np.array([0.5])}
    shares[name] = np.array([1.5])
    with pytest.raises(ValueError, match=rf"{name} must lie in 0\.\.1, found 1\.5"):
        box_recovery(**shares)


def test_shares_in_boxes_by_hand():
    mask = np.zeros((2, 4, 5), dtype=bool)
    mask[0, 1, 2:4] = True  # two pixels inside the first box, one outside
    mask[0, 3, 0] = True
    boxes = np.array([[0, 7, 2, 0, 2, 2], [1, 7, 0, 0, 5, 4]])
    inside, area = shares_in_boxes(mask, boxes)
    np.testing.assert_allclose(inside, [2 / 3, np.nan])
    np.testing.assert_allclose(area, [4 / 20, 1.0])


def test_prediction_recovery_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predictions = np.array([0, 1, 0, 2, 1, 0, 2])
    subconcept = np.array([True, True, False, False, False, False, False])
    mislabelled = np.array([False, False, False, True, False, False, False])
    assert prediction_recovery(predictions, labels, subconcept, mislabelled) == {
        "recall_subconcept": 0.5,
        "recall_ordinary": 1.0,
    }
