from dataclasses import astuple

import numpy as np
import pytest

from imbalens.analysis.cam_alignment.cam_alignment import cam_alignment
from imbalens.analysis.cam_alignment.pairs import align_pairs
from imbalens.analysis.common.boxes import find_pairs, shift_boxes
from tests.analysis.oracles import draw_boxes

SIZE, N_IMAGES, N_CLASSES, SEED = 9, 12, 3, 5
OPTIONS = {
    "image_size": SIZE,
    "relu": True,
    "normalize_before_resize": False,
    "threshold": 0.4,
    "matched_share": 0.3,
}
RNG = np.random.default_rng(0)
BOXES = draw_boxes(RNG, 20, size=SIZE, n_images=N_IMAGES, n_classes=N_CLASSES)
PAIRS = find_pairs(BOXES)
MAPS, HEAD = RNG.normal(size=(N_IMAGES, 5, 4, 4)), RNG.normal(size=(N_CLASSES, 5))
UNTRAINED = RNG.normal(size=(len(PAIRS), 4, 4))


def measure(step=N_IMAGES, untrained=UNTRAINED, **changed):
    starts = range(0, N_IMAGES, step)
    blocks = [(slice(at, min(at + step, N_IMAGES)), MAPS[at : at + step]) for at in starts]
    maps = {"cams": None, "untrained_cams": untrained}
    options = OPTIONS | {"shift_seed": SEED} | maps | changed
    return cam_alignment(blocks, HEAD, BOXES, **options)


def test_every_kind_is_measured_on_its_own_maps_and_boxes():
    found = measure()
    cams = np.stack([np.tensordot(HEAD[label], MAPS[image], 1) for image, label in PAIRS])
    np.testing.assert_array_equal(found.pairs, PAIRS)
    np.testing.assert_allclose(found.cams, cams)
    moved = shift_boxes(BOXES, image_size=SIZE, rng=np.random.default_rng(SEED))
    alone = align_pairs(cams, BOXES, **OPTIONS)
    untrained, shifted = (
        align_pairs(maps, boxes, **OPTIONS) for maps, boxes in ((UNTRAINED, BOXES), (cams, moved))
    )
    expected = {
        "soft": alone.soft,
        "hard": alone.hard,
        "matched": alone.matched,
        "untrained": untrained.soft,
        "matched_untrained": untrained.matched,
        "shifted": shifted.soft,
        "matched_shifted": shifted.matched,
    }
    assert set(found.summaries) == set(expected)
    for kind, part in expected.items():
        columns = np.array(astuple(part), dtype=float)
        summary = found.summaries[kind]
        np.testing.assert_allclose(summary.overall, np.nanmean(columns, axis=1), err_msg=kind)
        for label, means in enumerate(summary.means):
            own = columns[:, PAIRS[:, 1] == label]
            np.testing.assert_allclose(means, np.nanmean(own, axis=1), err_msg=kind)


@pytest.mark.parametrize("step", [1, 5])
def test_how_images_are_cut_into_blocks_changes_nothing(step):
    whole, cut = measure(), measure(step)
    np.testing.assert_array_equal(whole.cams, cut.cams)
    for kind, summary in whole.summaries.items():
        np.testing.assert_array_equal(summary.overall, cut.summaries[kind].overall)


def test_maps_that_are_there_are_taken_instead():
    """Of a network whose head is applied to something else than the maps' means."""
    grad_cams = np.random.default_rng(3).normal(size=(len(PAIRS), 4, 4))
    found = measure(cams=grad_cams)
    assert found.cams is grad_cams
    np.testing.assert_allclose(
        found.summaries["soft"].overall,
        np.nanmean(np.array(astuple(align_pairs(grad_cams, BOXES, **OPTIONS).soft)), axis=1),
    )
    same = measure().summaries["untrained"].overall
    np.testing.assert_array_equal(found.summaries["untrained"].overall, same)


def test_what_is_not_asked_for_is_not_there():
    found = measure(untrained=None, threshold=None)
    assert set(found.summaries) == {"soft", "matched", "shifted", "matched_shifted"}


def test_the_seed_moves_the_boxes_and_nothing_else():
    first, second = measure(), measure(shift_seed=SEED + 1)
    for kind, summary in first.summaries.items():
        same = np.array_equal(summary.overall, second.summaries[kind].overall)
        assert same == ("shifted" not in kind), kind
