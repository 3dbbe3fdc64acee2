import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.classes import (
    UNKNOWN,
    class_names,
    count_members,
    decide,
    describe,
    known_classes,
    label_thresholds,
    list_pairs,
    mark_unknown,
    pair_features,
    predicted_classes,
    spread_mass,
    true_classes,
    where_known,
)

THREE = ("Edema", "Mass", "No Finding")
ABCD = ("a", "b", "c", "d")
DECISIONS = ("half", "prevalence")


def bits(*rows):
    return np.array([[int(bit) for bit in row] for row in rows], dtype=np.uint8)


def draw(seed, n=30, m=4):
    """Scores on a coarse grid, so that several are equal, and labels that some images lack."""
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-4, 5, (n, m)) / 2).astype(np.float32)
    labels = (rng.random((n, m)) < rng.random(m)).astype(np.uint8)
    return scores, labels


@pytest.mark.parametrize(
    ("labels", "task", "names"),
    [
        (("cat", "dog"), "multiclass", ("cat", "dog")),
        (("Edema", "Mass"), "multilabel", THREE),
        (THREE, "multilabel", THREE),
        (("Unhealthy",), "binary", ("Unhealthy", "Healthy")),
    ],
)
def test_names(labels, task, names):
    assert class_names(labels, task=task) == names


def test_images_without_any_label_have_a_class_of_their_own():
    labels = bits("10", "00", "11")
    assert true_classes(labels, THREE[:2]).astype(int).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [1, 1, 0],
    ]
    single = true_classes(bits("1", "0"), ("Unhealthy",))
    assert single.astype(int).tolist() == [[1, 0], [0, 1]]


def test_no_finding_as_a_label_is_that_class():
    """Whatever its place among the labels, and even where a network decides on none at all."""
    names = ("Edema", "No Finding", "Mass")
    classes = true_classes(bits("100", "010", "000", "101"), names)
    assert classes.astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_codes_stay_as_they_are():
    codes, scores = np.array([2, 0, 1]), np.array([[0.0, 2.0, 1.0], [5.0, 5.0, 0.0]])
    assert true_classes(codes, "abc") is codes
    assert predicted_classes(scores, "abc", thresholds=None).tolist() == [1, 0]
    rows, classes = list_pairs(codes)
    assert rows.tolist() == [0, 1, 2]
    assert classes is codes
    features = np.eye(3)
    assert pair_features(features, codes)[0] is features


def test_decisions_by_hand():
    scores = np.array([[3.0, -2.0, 0.0], [1.0, -1.0, 1e-30], [1.0, -3.0, -1.0], [0.0, 0.5, 4.0]])
    labels = bits("100", "100", "010", "010")
    half = label_thresholds(scores, labels, decision="half")
    assert decide(scores, half).astype(int).tolist() == [
        [1, 0, 0],
        [1, 0, 1],
        [1, 0, 0],
        [0, 1, 1],
    ]
    prevalence = label_thresholds(scores, labels, decision="prevalence")
    assert prevalence.tolist() == [1.0, -1.0, np.inf]
    # the first label goes to three images, two of which share the score at the threshold
    assert decide(scores, prevalence).astype(int).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]


def test_thresholds_come_from_the_training_images():
    train_scores, train_labels = np.array([[5.0], [4.0], [3.0]]), bits("0", "1", "1")
    predicted = predicted_classes(
        np.array([[4.0], [3.9], [9.0]]),
        ("Unhealthy",),
        thresholds=label_thresholds(train_scores, train_labels, decision="prevalence"),
    )
    assert predicted.astype(int).tolist() == [[1, 0], [0, 1], [1, 0]]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
@settings(deadline=None, max_examples=40)
def test_decisions_agree_with_loops(seed, n):
    scores, labels = draw(seed, n)
    half = decide(scores, label_thresholds(scores, labels, decision="half"))
    prevalence = decide(scores, label_thresholds(scores, labels, decision="prevalence"))
    for label in range(scores.shape[1]):
        order = sorted(range(n), key=lambda i: -scores[i, label])
        n_positive = int(labels[:, label].sum())
        named = {float(scores[i, label]) for i in order[:n_positive]}
        for i in range(n):
            assert half[i, label] == (scores[i, label] > 0)
            assert prevalence[i, label] == (float(scores[i, label]) in named)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_prevalence_calls_as_many_as_have_the_label(seed):
    rng = np.random.default_rng(seed)
    _, labels = draw(seed)
    distinct = rng.permuted(np.tile(np.arange(30.0)[:, None], (1, 4)), axis=0)
    called = decide(distinct, label_thresholds(distinct, labels, decision="prevalence"))
    assert called.sum(axis=0).tolist() == labels.sum(axis=0).tolist()


@pytest.mark.parametrize("decision", DECISIONS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_order_of_images_does_not_matter(decision, seed):
    scores, labels = draw(seed)
    order = np.random.default_rng(seed).permutation(len(scores))
    shuffled = label_thresholds(scores[order], labels[order], decision=decision)
    np.testing.assert_array_equal(shuffled, label_thresholds(scores, labels, decision=decision))


@pytest.mark.parametrize("decision", DECISIONS)
def test_scores_that_are_not_finite_are_refused(decision):
    scores = np.array([[0.0], [np.nan]])
    with pytest.raises(ValueError, match=r"found 1 rows that are not, the first being row 1"):
        label_thresholds(scores, bits("1", "0"), decision=decision)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 12))
@settings(deadline=None, max_examples=30)
def test_pairs_agree_with_loops(seed, n):
    _, labels = draw(seed, n)
    names = class_names(ABCD, task="multilabel")
    classes = true_classes(labels, ABCD)
    expected = [
        (i, c)
        for i in range(n)
        for c in range(5)
        if (labels[i, c] if c < 4 else not labels[i].any())
    ]
    rows, codes = list_pairs(classes)
    assert list(zip(rows.tolist(), codes.tolist(), strict=True)) == expected
    counts = count_members(classes, n_classes=5)
    assert counts.tolist() == [sum(1 for _, c in expected if c == own) for own in range(5)]
    features = np.random.default_rng(seed).random((n, 3))
    repeated, of_pairs = pair_features(features, classes)
    assert repeated.tolist() == [features[i].tolist() for i, _ in expected]
    assert of_pairs.tolist() == codes.tolist()
    texts = describe(classes, names)
    assert texts == ["|".join(names[c] for j, c in expected if j == i) for i in range(n)]
    mass = spread_mass(classes)
    np.testing.assert_allclose(mass.sum(axis=1), 1)
    for i, c in expected:
        assert mass[i, c] == 1 / sum(1 for j, _ in expected if j == i)


def test_one_class_per_image_is_the_same_in_either_form():
    codes = np.array([1, 1, 0, 2])
    one_hot = np.eye(4, dtype=bool)[codes]
    for mine, theirs in zip(list_pairs(one_hot), list_pairs(codes), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    counts = count_members(one_hot, n_classes=4)
    assert counts.tolist() == count_members(codes, n_classes=4).tolist() == [1, 2, 1, 0]
    assert describe(one_hot, ABCD) == describe(codes, ABCD) == ["b", "b", "a", "c"]


def test_codes_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"classes must lie in 0\.\.1, found 2 at position 1"):
        count_members(np.array([0, 2]), n_classes=2)


def test_an_image_in_no_class_has_no_mass():
    assert spread_mass(bits("11", "00") > 0).tolist() == [[0.5, 0.5], [0, 0]]


def unknown(*rows):
    """Labels written with a question mark where one is not known."""
    codes = {"0": 0, "1": 1, "?": UNKNOWN}
    return np.array([[codes[mark] for mark in row] for row in rows], dtype=np.uint8)


def test_an_image_is_in_neither_set_of_a_label_that_is_not_known():
    labels = unknown("1?", "0?", "00", "??", "?1")
    taken = np.ones((5, 3), dtype=bool)
    assert true_classes(labels, THREE[:2]).astype(int).tolist() == [
        [1, 0, 0],
        [0, 0, 0],  # it may have the second
        [0, 0, 1],
        [0, 0, 0],
        [0, 1, 0],
    ]
    assert where_known(taken, labels, THREE[:2]).astype(int).tolist() == [
        [1, 0, 1],  # it is known to have a finding
        [1, 0, 0],
        [1, 1, 1],
        [0, 0, 0],
        [0, 1, 1],
    ]
    assert describe(true_classes(labels, THREE[:2]), THREE) == ["Edema", "", THREE[2], "", "Mass"]


def test_no_finding_as_a_label_may_not_be_known_either():
    labels = unknown("10?", "00?", "000", "0?0", "0?1")
    has = true_classes(labels, THREE).astype(int)
    assert has.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1]]
    taken = where_known(np.ones((5, 3), dtype=bool), labels, THREE)
    # the first has a finding: it is known not to have none
    assert taken.astype(int).tolist() == [[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 0, 1]]


def test_no_finding_is_known_where_there_is_a_finding_be_it_a_label_or_not():
    added, label = unknown("1?", "?1", "0?", "01"), unknown("1??", "?1?", "0??", "010")
    taken = np.array([[False, False, True]] * 4)
    for labels, names in ((added, THREE[:2]), (label, THREE)):
        assert where_known(taken, labels, names)[:, 2].tolist() == [True, True, False, True]


def test_classes_that_exclude_each_other_are_all_known():
    codes = np.array([0, UNKNOWN])
    assert known_classes(codes, "abc") is None
    assert where_known(codes, codes, "abc") is codes
    assert mark_unknown(codes, None) is codes
    marked = mark_unknown(bits("10", "00"), np.array([[False, True], [False, False]]))
    assert marked.tolist() == unknown("1?", "00").tolist()
    assert marked.dtype == np.uint8


@pytest.mark.parametrize("decision", DECISIONS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_thresholds_are_those_of_the_images_whose_label_is_known(decision, seed):
    scores, labels = draw(seed)
    hidden = np.random.default_rng([seed, 1]).random(labels.shape) < 0.4
    found = label_thresholds(scores, mark_unknown(labels, hidden), decision=decision)
    for label, rows in enumerate(~hidden.T):
        column = [label]
        alone = label_thresholds(
            scores[rows][:, column], labels[rows][:, column], decision=decision
        )
        assert found[label] == alone[0]
