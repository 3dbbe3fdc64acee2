"""Recovery of planted pairs of classes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.common.recovery import pair_recovery, partner_recovery
from tests.analysis.oracles import NAN, close, ratio, slow_auroc

NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def test_partner_hand_made():
    distribution = np.array(
        [[0.0, 0.7, 0.2, 0.1], [0.3, 0.0, 0.6, 0.1], [NAN] * 4, [0.25, 0.5, 0.25, 0.0]]
    )
    # 0 -> 1 is a hit, 1 -> 0 a miss; 2 is not judged; 3 -> 2 is a miss
    assert partner_recovery(distribution, np.array([[0, 1], [2, 3]])) == close(
        {"top1": 1 / 3, "mean_share": (0.7 + 0.3 + 0.25) / 3, "n": 3.0}
    )


def test_partner_ignores_the_diagonal_and_shares_ties():
    distribution = np.array([[0.9, 0.05, 0.05], [0.5, 0.0, 0.5], [1.0, 0.0, NAN]])
    assert partner_recovery(distribution, np.array([[0, 1]])) == close(
        {"top1": 0.5, "mean_share": 0.275, "n": 2.0}
    )
    judged = partner_recovery(distribution, np.array([[0, 2]]))
    assert judged == close({"top1": 0.75, "mean_share": 0.525, "n": 2.0})


def test_partner_uniform_is_chance():
    uniform = np.full((5, 5), 0.25)
    found = partner_recovery(uniform, np.array([[0, 1], [2, 4]]))
    assert found == close({"top1": 0.25, "mean_share": 0.25, "n": 4.0})


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_partner_agrees_with_slow_oracle(seed):
    rng = np.random.default_rng(seed)
    distribution = rng.dirichlet(np.ones(6), 6)
    distribution[rng.random(6) < 0.3] = NAN
    pairs = rng.permutation(6).reshape(3, 2)
    hits, shares = [], []
    for a, b in pairs.tolist():
        for source, partner in ((a, b), (b, a)):
            row = {c: distribution[source, c] for c in range(6) if c != source}
            if not math.isnan(row[partner]):
                hits.append(max(row, key=row.__getitem__) == partner)
                shares.append(row[partner])
    expected = {
        "top1": ratio(sum(hits), len(hits)),
        "mean_share": ratio(sum(shares), len(hits)),
        "n": float(len(hits)),
    }
    assert partner_recovery(distribution, pairs) == close(expected)
    assert partner_recovery(distribution, pairs[:, ::-1]) == close(expected)


def test_partner_without_pairs():
    found = partner_recovery(np.zeros((3, 3)), NO_PAIRS)
    assert found == close({"top1": NAN, "mean_share": NAN, "n": 0.0})


def test_pair_hand_made():
    similarity = np.array([[9, 5, 1, 2], [5, 9, 3, 0], [1, 3, 9, 2], [2, 0, 2, 9]])
    # planted 5 and 2; others 1, 2, 3, 0: 4 + 2.5 of 8
    assert pair_recovery(similarity, np.array([[1, 0], [2, 3]])) == close(
        {"auroc": 6.5 / 8, "mean_planted": 3.5, "mean_other": 1.5}
    )


def test_pair_leaves_out_undefined_similarities():
    similarity = np.array([[1.0, 0.8, NAN], [0.8, 1.0, 0.1], [NAN, 0.1, 1.0]])
    found = pair_recovery(similarity, np.array([[0, 1]]))
    assert found == close({"auroc": 1.0, "mean_planted": 0.8, "mean_other": 0.1})


def test_pair_without_pairs():
    found = pair_recovery(np.ones((3, 3)), NO_PAIRS)
    assert found == close({"auroc": NAN, "mean_planted": NAN, "mean_other": 1.0})


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_pair_agrees_with_slow_oracle_whatever_the_class_names(seed):
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 4, (6, 6))
    similarity, pairs = half + half.T, rng.permutation(6)[:4].reshape(2, 2)
    planted_pairs = {frozenset(pair) for pair in pairs.tolist()}
    planted, other = [], []
    for a in range(6):
        for b in range(a + 1, 6):
            (planted if {a, b} in planted_pairs else other).append(int(similarity[a, b]))
    expected = {
        "auroc": slow_auroc(planted, other),
        "mean_planted": sum(planted) / len(planted),
        "mean_other": sum(other) / len(other),
    }
    assert pair_recovery(similarity, pairs) == close(expected)
    new = rng.permutation(6)
    old = np.argsort(new)
    assert pair_recovery(similarity[np.ix_(old, old)], new[pairs]) == close(expected)


def test_pair_refuses_an_asymmetric_similarity():
    with pytest.raises(ValueError, match="must be symmetric"):
        pair_recovery(np.array([[0, 1], [2, 0]]), np.array([[0, 1]]))


@pytest.mark.parametrize("judge", [partner_recovery, pair_recovery])
@pytest.mark.parametrize(
    ("pair", "message"), [([0, 3], r"0\.\.2, found 3"), ([1, 1], r"two classes, found \[1, 1\]")]
)
def test_planted_pairs_must_name_two_classes(judge, pair, message):
    with pytest.raises(ValueError, match=message):
        judge(np.zeros((3, 3)), np.array([pair]))
