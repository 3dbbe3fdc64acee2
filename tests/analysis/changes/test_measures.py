from weakref import ref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.changes.changes import archetype_flow, match_features
from imbalens.analysis.changes.measures import (
    MEASURES,
    Images,
    Learned,
    find_changes,
    mean_change,
)
from imbalens.analysis.changes.similarity import class_cka, linear_cka
from imbalens.analysis.feature_overlap import top_features

NAN = np.nan
COUNTS = np.array([2, 3, 0])
OPTIONS = {"top_k": 3, "min_images": 4}
N_TRAIN, N_EVALUATION = 30, 24
IMAGES = Images(np.arange(N_TRAIN) % 3, np.arange(N_EVALUATION) % 3, ["a", "b", "c"])


def draw(seed, *, colours=True):
    """What a run learned, and its features."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(2), size=(2, 3))
    square = np.zeros((2, 3, 3))
    square[:, ~np.eye(3, dtype=bool)] = shares.reshape(2, 6)
    learned = Learned(
        archetypes=rng.integers(0, 4, N_TRAIN),
        adversaries=square[0],
        errors=square[1],
        colours=rng.dirichlet(np.ones(14), size=3) if colours else None,
    )
    features = {"train": rng.random((N_TRAIN, 8)), "evaluation": rng.random((N_EVALUATION, 8))}
    return learned, features


def find(runs, baselines, images=IMAGES):
    learned = {run: of[0] for run, of in runs.items()}
    return find_changes(
        images, learned, baselines, lambda run, part: runs[run][1][part], **OPTIONS
    )


def test_the_mean_is_over_the_classes_in_which_a_measure_is_defined():
    change = mean_change(np.array([0.25, 0.75, NAN]), COUNTS, chance=0.1)
    assert (change.overall, change.chance) == (0.5, 0.1)
    assert np.isnan(mean_change(np.full(3, NAN), COUNTS, chance=NAN).overall)


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_each_measure_is_that_of_its_kernel(seed):
    (before, old), (after, new) = draw(seed), draw(seed + 1)
    found = find({"base": (before, old), "r": (after, new)}, {"r": "base"})
    measures = found.measures["r"]
    assert tuple(measures) == MEASURES
    both = (old["evaluation"], new["evaluation"])
    assert measures["cka_debiased"].overall == linear_cka(*both, debiased=True)
    np.testing.assert_array_equal(
        measures["cka_debiased"].per_class,
        class_cka(*both, IMAGES.evaluation, n_classes=3, min_images=4, debiased=True),
    )
    flow = archetype_flow(before.archetypes, after.archetypes, IMAGES.train, n_classes=3)
    np.testing.assert_array_equal(found.flows["r"].count, flow.count)
    assert measures["archetypes_moved"].overall == flow.overall_moved
    assert measures["archetypes_safer"].overall == flow.overall_safer
    one, two = (
        top_features(of["train"], IMAGES.train, n_classes=3, top_k=3).indices for of in (old, new)
    )
    partner = match_features(old["train"], new["train"])
    for key, same in (("top_features", np.arange(8)), ("top_features_matched", partner)):
        expected = [
            len({*same[a].tolist()} & {*b.tolist()}) for a, b in zip(one, two, strict=True)
        ]
        assert measures[key].per_class.tolist() == expected
        assert measures[key].chance == 9 / 8
    for key in ("adversaries", "errors", "colours"):
        apart = np.abs(getattr(before, key) - getattr(after, key)).sum(axis=1) / 2
        np.testing.assert_allclose(measures[key].per_class, apart)
        assert measures[key].overall == pytest.approx(apart.mean())
    for first, learned in zip(found.first_adversaries["r"], (before, after), strict=True):
        assert first.first.argmax(axis=1).tolist() == learned.adversaries.argmax(axis=1).tolist()
        assert first.share.tolist() == learned.adversaries.max(axis=1).tolist()


def test_colours_are_compared_where_both_sides_have_them():
    runs = {"base": draw(0), "r": draw(1, colours=False)}
    found = find(runs, {"r": "base"})
    assert "colours" not in found.measures["r"]


def test_of_two_classes_neither_adversaries_nor_errors_move():
    """All that is around a class is the other one."""
    images = Images(IMAGES.train % 2, IMAGES.evaluation % 2, ["a", "b"])
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    runs = {}
    for seed, run in enumerate("xy"):
        learned, features = draw(seed)
        colours = learned.colours[:2]
        runs[run] = (Learned(learned.archetypes, swap, swap, colours), features)
    found = find(runs, {"y": "x"}, images).measures["y"]
    for name in ("adversaries", "errors"):
        assert np.isnan([found[name].overall, *found[name].per_class]).all(), name
    assert found["colours"].overall > 0


def test_one_number_stands_for_the_same_similarity_whichever_run_comes_first():
    runs = {name: draw(seed) for seed, name in enumerate(("r", "s", "base"))}
    found = find(runs, {"r": "base", "s": "base"})
    for place, run in enumerate(("r", "s")):
        overall = found.measures[run]["cka_debiased"].overall
        assert (
            overall == found.similarity.debiased[place, 2] == found.similarity.debiased[2, place]
        )


def test_images_may_have_several_classes():
    members = np.eye(3, dtype=bool)[IMAGES.train]
    images = Images(members, np.eye(3, dtype=bool)[IMAGES.evaluation], IMAGES.names)
    runs = {"base": draw(0), "r": draw(1)}
    for one, other in zip(
        find(runs, {"r": "base"}).measures["r"].values(),
        find(runs, {"r": "base"}, images).measures["r"].values(),
        strict=True,
    ):
        np.testing.assert_array_equal(one.per_class, other.per_class)
        np.testing.assert_array_equal(one.instances, other.instances)


def test_features_of_two_runs_are_held_at_a_time():
    runs = {f"r{seed}": draw(seed) for seed in range(6)}
    given, held = [], []

    def load(run, part):
        array = runs[run][1][part].copy()
        given.append(ref(array))
        held.append(sum(one() is not None for one in given))
        return array

    learned = {run: of[0] for run, of in runs.items()}
    baselines = dict.fromkeys(list(runs)[1:], "r0")
    find_changes(IMAGES, learned, baselines, load, **OPTIONS)
    assert len(given) == 6 + 15 + 4 * 5
    assert max(held) == 2
