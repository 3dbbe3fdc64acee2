import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.archetypes.recovery import mislabelled_recovery, subconcept_recovery
from tests.analysis.oracles import NAN, close, ratio, slow_auroc


def test_mislabelled_hand_made():
    archetypes = np.array([3, 3, 3, 0, 1, 0, 0, 0])
    mislabelled = np.array([True, True, False, False, True, False, False, False])
    assert mislabelled_recovery(archetypes, mislabelled) == close(
        {
            "outlier_precision": 2 / 3,
            "outlier_recall": 2 / 3,
            "lift": (2 / 3) / (3 / 8),
            # pairs of 3 mislabelled and 5 others: 4.5 + 4.5 + 4
            "auroc": 13 / 15,
        }
    )


def test_mislabelled_undefined():
    nothing_planted = mislabelled_recovery(np.array([3, 0]), np.array([False, False]))
    assert nothing_planted == close(
        {"outlier_precision": 0.0, "outlier_recall": NAN, "lift": NAN, "auroc": NAN}
    )
    no_outliers = mislabelled_recovery(np.array([0, 1]), np.array([False, True]))
    assert no_outliers == close(
        {"outlier_precision": NAN, "outlier_recall": 0.0, "lift": NAN, "auroc": 1.0}
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 30))
@settings(deadline=None, max_examples=30)
def test_mislabelled_agrees_with_slow_oracle(seed, n):
    rng = np.random.default_rng(seed)
    archetypes, mislabelled = rng.integers(0, 4, n), rng.random(n) < 0.3
    both = sum(1 for a, m in zip(archetypes, mislabelled, strict=True) if a == 3 and m)
    outliers, planted = archetypes.tolist().count(3), mislabelled.tolist().count(True)
    precision = ratio(both, outliers)
    assert mislabelled_recovery(archetypes, mislabelled) == close(
        {
            "outlier_precision": precision,
            "outlier_recall": ratio(both, planted),
            "lift": ratio(precision, ratio(planted, n)) if planted else NAN,
            "auroc": slow_auroc(
                [a for a, m in zip(archetypes, mislabelled, strict=True) if m],
                [a for a, m in zip(archetypes, mislabelled, strict=True) if not m],
            ),
        }
    )


def test_subconcept_hand_made():
    labels = np.array([0, 0, 0, 0, 0, 1, 1])
    subconcept = np.array([True, True, False, False, False, False, False])
    mislabelled = np.array([False, False, False, False, True, False, False])
    archetypes = np.array([2, 0, 1, 0, 3, 3, 3])
    # not counted: the mislabelled outlier, and class 1, which has no sub-concept
    assert subconcept_recovery(archetypes, labels, subconcept, mislabelled) == close(
        {"not_safe_subconcept": 0.5, "not_safe_ordinary": 0.5, "auroc": 2.5 / 4}
    )


def test_subconcept_undefined():
    none = np.array([False, False])
    found = subconcept_recovery(np.array([3, 0]), np.array([0, 1]), none, none)
    assert found == close({"not_safe_subconcept": NAN, "not_safe_ordinary": NAN, "auroc": NAN})


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_subconcept_agrees_with_slow_oracle(seed):
    rng = np.random.default_rng(seed)
    labels, archetypes = rng.integers(0, 4, 40), rng.integers(0, 4, 40)
    subconcept = (labels < 2) & (rng.random(40) < 0.3)
    mislabelled = ~subconcept & (rng.random(40) < 0.2)
    classes = {labels[i] for i in range(40) if subconcept[i]}
    rare = [archetypes[i] for i in range(40) if subconcept[i]]
    ordinary = [
        archetypes[i]
        for i in range(40)
        if not subconcept[i] and not mislabelled[i] and labels[i] in classes
    ]
    assert subconcept_recovery(archetypes, labels, subconcept, mislabelled) == close(
        {
            "not_safe_subconcept": ratio(sum(a != 0 for a in rare), len(rare)),
            "not_safe_ordinary": ratio(sum(a != 0 for a in ordinary), len(ordinary)),
            "auroc": slow_auroc(rare, ordinary),
        }
    )
