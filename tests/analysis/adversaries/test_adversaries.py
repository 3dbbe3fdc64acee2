"""What is given of the nearest adversaries of few classes."""

import numpy as np
import pytest

from imbalens.analysis.adversaries.adversaries import PREDICTOR_NAMES, adversaries

MEANS = ("jensen_shannon", "kld", "kld_unforeseen", "rank_correlation", "top1", "top3")
PER_CLASS = tuple(f"{name}_per_class" for name in MEANS if name != "kld_unforeseen")


def ask(n_classes, *, wrong, foretold=None):
    """Adversaries of 12 images of each class, one of which is taken for the next where wrong."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(n_classes), 12)
    taken, unseen = labels.copy(), labels.copy()
    for c in wrong:
        unseen[12 * c] = (c + 1) % n_classes
    for c in wrong if foretold is None else foretold:
        taken[12 * c] = (c + 1) % n_classes
    return adversaries(
        *(rng.random((len(labels), 3)), labels, taken, labels, unseen),
        n_classes=n_classes,
        n_neighbors=9,
        instances="misclassified_by_actual",
        errors="by_actual",
        eps=1e-5,
        alpha=0.5,
    )


def test_of_two_classes_no_predictor_is_scored():
    found = ask(2, wrong=[0, 1])
    assert found.undefined == "with two classes every error of a class goes to the other, " + (
        "whatever is foretold"
    )
    assert found.errors.share.tolist() == [[0, 1], [1, 0]]
    assert set(found.scores) == set(PREDICTOR_NAMES)
    for name, one in found.scores.items():
        assert np.isnan([one.log_loss, *(getattr(one, mean) for mean in MEANS)]).all(), name
        for per_class in ("log_loss_per_class", *PER_CLASS):
            assert np.isnan(getattr(one, per_class)).all(), (name, per_class)


@pytest.mark.parametrize(
    ("wrong", "foretold"), [([1], None), ([0, 1, 2], [2]), ([0], [0, 1]), ([0], [1])]
)
def test_no_predictor_has_a_mean_of_fewer_than_two_classes(wrong, foretold):
    found = ask(3, wrong=wrong, foretold=foretold)
    both = set(wrong) & set(wrong if foretold is None else foretold)
    assert found.undefined == "fewer than two classes have both errors and nearest adversaries"
    for name, one in found.scores.items():
        assert np.isnan([getattr(one, mean) for mean in MEANS]).all(), name
        assert one.n_classes == len(both)
        for per_class in ("kld_per_class", "jensen_shannon_per_class"):
            defined = np.flatnonzero(~np.isnan(getattr(one, per_class)))
            assert set(defined.tolist()) == both, name
        assert one.log_loss > 0, name


def test_two_classes_of_three_have_means():
    found = ask(3, wrong=[0, 2])
    assert found.undefined == "top3: with four classes or fewer three are all the others"
    assert all(np.isfinite(one.kld) for one in found.scores.values())
    assert all(np.isnan(one.top3) for one in found.scores.values())


def test_of_five_classes_nothing_is_undefined():
    found = ask(5, wrong=[0, 2])
    assert found.undefined == ""
    assert all(np.isfinite(one.top3) for one in found.scores.values())
