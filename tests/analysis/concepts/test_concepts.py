import numpy as np
import pytest

from imbalens.analysis.concepts.channels import fire_shares
from imbalens.analysis.concepts.concepts import concepts


@pytest.mark.parametrize("step", [1, 2, 3])
def test_channels_that_fire_in_the_boxes_of_a_class_and_nowhere_else(step):
    """Class 0 has its boxes at the left, where channel 1 fires; channel 2 is dead."""
    maps = np.zeros((6, 3, 4, 4))
    maps[:, 0] = np.arange(16).reshape(4, 4) / 100  # fires at the lower right
    maps[:3, 1, 0, 0] = 5
    boxes = np.array(
        [[image, 0, 0, 0, 4, 4] for image in range(3)]
        + [[image, 1, 12, 12, 4, 4] for image in range(3, 6)]
    )
    blocks = [(first, maps[:, first : first + step]) for first in range(0, 3, step)]
    found = concepts(
        blocks,
        boxes,
        n_images=6,
        n_channels=3,
        n_classes=2,
        image_size=16,
        q=3 / 96,
        threshold_scope="batch",
        batch_size=6,
        space="native",
        component="whole",
        connectivity=8,
        count_holes=False,
        normalize_by="image",
        n_peaks=2,
        n_top=3,
    )
    assert found.top.tolist() == [[1, 0]]
    assert found.counts.dead.tolist() == [False, False, True]
    assert fire_shares(found.counts)[1].tolist() == [1, 0]
    assert found.counts.peak_images[1].tolist() == [0, 1]
    assert (found.summary.disjoint, found.summary.n_dead) == (0.5, 1)
    assert found.summary.class_unique.tolist() == [1, 0]
