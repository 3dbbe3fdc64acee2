"""Runs beside their baseline, from what was measured of each repeat."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from imbalens.analysis.claims.cost_sensitive import DIFFERENCE_CLAIMS
from imbalens.analysis.common.measured import Measure, PerClass, mean_of_defined
from imbalens.analysis.common.measures import KLD
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.comparison import MAIN, compare_runs
from imbalens.analysis.differences.measures_of_run import pair_measures
from imbalens.analysis.performance.judged import judge
from imbalens.analysis.performance.measures import ACCURACY, performance_measures
from tests.analysis.oracles import close

NAN = np.nan
N, CLASSES = 60, 3
NAMES = ("a", "b", "c")
LABELS = np.arange(N) % CLASSES
COUNTS = np.array([300, 60, 10])
WEIGHTS = resample_images(N, n_resamples=200, seed=0)
FIGURES = ("baseline_value", "value", "difference", "low", "high", "p", "p_adjusted")


def draw_logits(rng):
    """Scores that are right for two thirds of the images."""
    return rng.normal(size=(N, CLASSES)) + 1.2 * np.eye(CLASSES)[LABELS]


def measure(logits, iobb=None):
    """Performance, and the alignment of one map per image."""
    options = {"many_above": 100, "few_below": 20, "min_images": 10, "patients": None}
    judged = judge(logits, LABELS, thresholds=None, n_bins=5)
    measures = performance_measures(WEIGHTS, judged, COUNTS, NAMES, **options)
    if iobb is None:
        return measures
    of_maps = {"iobb": iobb}
    return measures + pair_measures(WEIGHTS, "cam_alignment", of_maps, np.arange(N), LABELS, NAMES)


def compare(measured, baselines, min_images=10, seed=0):
    return compare_runs(measured, baselines, confidence=0.95, min_images=min_images, seed=seed)


def by_key(differences, run):
    return {
        (one.stage, one.measure, one.class_name): one for one in differences if one.setting == run
    }


def constant(value, *, name="m", classes=None, images=N, replicates=0.0, **about):
    """A made-up measure, the same in every class and, unless told, in every replicate."""
    shape = (len(WEIGHTS), len(classes or (None,)))
    values = np.full(shape, value)
    values[1:] += replicates
    return Measure("s", name, classes, values, np.full(shape[1], images), **about)


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_a_run_compared_with_itself_does_not_differ(n_repeats):
    rng = np.random.default_rng(1)
    measured = measure(draw_logits(rng), rng.random(N))
    differences = compare(
        {"one": [measured] * n_repeats, "same": [measured] * n_repeats}, {"same": "one"}
    )
    assert len(differences) == sum(one.values.shape[1] for one in measured)
    for one in differences:
        assert one.difference == 0
        if one.measure in ("accuracy", "recall"):
            assert (one.p, one.p_adjusted) == (1, 1)
            assert one.low == -one.high < 0
        assert one.low != one.high, "other images might tell them apart"
        assert (one.setting, one.baseline, one.seeds) == ("same", "one", n_repeats)
        assert one.value == one.baseline_value


def test_what_was_planted_is_found_and_nothing_else():
    rng = np.random.default_rng(2)
    logits, iobb = draw_logits(rng), 0.3 + 0.1 * rng.random(N)
    logits[LABELS == 1, 1] -= 1.0
    better = logits.copy()
    better[LABELS == 1, 1] += 3.0
    other = np.where(rng.random((N, 1)) < 0.3, draw_logits(rng), logits)
    measured = {
        "base": [measure(logits, iobb)],
        "better": [measure(better, iobb + 0.1 * rng.random(N))],
        "other": [measure(other, iobb + 0.01 * rng.normal(size=N))],
    }
    differences = compare(measured, {"better": "base", "other": "base"})
    found, null = (by_key(differences, run) for run in ("better", "other"))
    for key in (
        ("performance", "recall", "b"),
        ("performance", "accuracy", None),
        ("cam_alignment", "iobb", None),
        *(("cam_alignment", "iobb", name) for name in NAMES),
    ):
        assert found[key].p_adjusted < 0.05, key
        assert found[key].low > 0, key
        assert found[key].low <= found[key].difference <= found[key].high
    for name in ("a", "c"):
        one = found["performance", "recall", name]
        assert (one.difference, one.p) == (0, 1)
    assert len(null) == len(found)
    assert not any(one.p_adjusted < 0.05 for one in null.values())
    assert any(one.difference != 0 for one in null.values())


def test_means_and_spread_over_repeats_by_hand():
    base, run = (0.5, 0.6), (0.7, 0.8, 0.95)
    measured = {
        "base": [[constant(value, images=30)] for value in base],
        "run": [[constant(v, images=n)] for v, n in zip(run, (40, 20, 50), strict=True)],
    }
    (one,) = compare(measured, {"run": "base"})
    assert one.baseline_value == close(np.mean(base))
    assert one.value == close(np.mean(run))
    assert one.difference == close(np.mean(run) - np.mean(base))
    assert one.spread == close(np.std(run, ddof=1))
    assert (one.images, one.seeds) == (20, 2)
    assert one.low < one.difference < one.high
    single = compare({"base": measured["base"], "run": measured["run"][:1]}, {"run": "base"})
    assert np.isnan(single[0].spread), "unknown of a single training, whatever the baseline has"
    assert single[0].seeds == 1


def test_repeats_of_a_measured_run_are_averaged_measure_by_measure():
    rng = np.random.default_rng(3)
    repeats = [measure(draw_logits(rng)) for _ in range(3)]
    differences = compare({"base": repeats[:1], "run": repeats[1:]}, {"run": "base"})
    found = by_key(differences, "run")
    for place, one in enumerate(repeats[0]):
        for column, name in enumerate(one.classes or (None,)):
            values = [repeat[place].values[0, column] for repeat in repeats]
            row = found["performance", one.name, name]
            assert row.baseline_value == close(values[0])
            assert row.value == close(np.mean(values[1:]))
            assert row.spread == close(np.std(values[1:], ddof=1))


def test_a_measure_that_one_side_or_one_repeat_lacks_is_left_out():
    rng = np.random.default_rng(4)
    logits, iobb = draw_logits(rng), rng.random(N)
    with_maps, without = measure(logits, iobb), measure(logits)
    for base, run in (
        ([with_maps], [without]),
        ([without], [with_maps]),
        ([with_maps], [with_maps, without]),
    ):
        differences = compare({"base": base, "run": run}, {"run": "base"})
        assert {one.stage for one in differences} == {"performance"}
        assert len(differences) == sum(one.values.shape[1] for one in without)
    both = compare({"base": [with_maps], "run": [with_maps]}, {"run": "base"})
    assert {one.stage for one in both} == {"performance", "cam_alignment"}


def test_a_measure_without_interval_has_a_difference_and_costs_the_others_nothing():
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(2, len(WEIGHTS) - 1, 1))
    steady, wild = (
        [constant(0.5, name="m"), constant(0.5, name="ece", has_interval=False)],
        [
            constant(0.525, name="m", replicates=0.01 * noise[0]),
            constant(0.75, name="ece", replicates=9 * noise[1], has_interval=False),
        ],
    )
    found = by_key(compare({"base": [steady], "run": [wild]}, {"run": "base"}), "run")
    ece = found["s", "ece", None]
    assert (ece.baseline_value, ece.value, ece.difference) == (0.5, 0.75, 0.25)
    assert np.isnan([ece.low, ece.high, ece.p, ece.p_adjusted]).all()
    (alone,) = compare({"base": [steady[:1]], "run": [wild[:1]]}, {"run": "base"})
    assert found["s", "m", None].p_adjusted == alone.p_adjusted < 0.05


def test_classes_and_the_whole_are_families_of_their_own():
    rng = np.random.default_rng(8)
    names = tuple(str(code) for code in range(30))
    noise = 0.01 * rng.normal(size=(len(WEIGHTS) - 1, 31))
    base = [constant(0.5), constant(0.5, classes=names)]
    run = [
        constant(0.525, replicates=noise[:, :1]),
        constant(0.525, classes=names, replicates=noise[:, 1:]),
    ]
    found = by_key(compare({"base": [base], "run": [run]}, {"run": "base"}), "run")
    overall, single = found["s", "m", None], found["s", "m", "0"]
    (alone,) = compare({"base": [base[:1]], "run": [run[:1]]}, {"run": "base"})
    assert overall.p_adjusted == alone.p_adjusted < 0.05
    assert single.p < 0.05 < single.p_adjusted
    of_classes = compare({"base": [base[1:]], "run": [run[1:]]}, {"run": "base"})
    assert [one.p_adjusted for one in of_classes] == [
        found["s", "m", name].p_adjusted for name in names
    ]


def test_rows_say_what_intervals_are_over_and_of_how_many_classes():
    few = {"patients": np.array([30]), "averaged": 4}
    measured = {
        "once": [[constant(0.5), constant(0.5, name="mean", **few)]],
        "twice": [[constant(v), constant(v, name="mean", **few)] for v in (0.5, 0.75)],
        "other": [[constant(0.5), constant(0.5, name="mean", **few)]],
    }

    def over(run, baseline):
        differences = compare(measured, {run: baseline})
        assert [one.classes for one in differences] == [None, 4]
        return [one.over for one in differences]

    assert over("other", "once") == ["images, these trainings", "patients, these trainings"]
    assert (
        over("twice", "once")
        == over("once", "twice")
        == [
            "images and seeds",
            "patients and seeds",
        ]
    )


def test_few_patients_behind_many_images_widen_the_interval():
    rng = np.random.default_rng(9)
    noise = 0.01 * rng.normal(size=(len(WEIGHTS) - 1, 1))
    widths = []
    for patients in (None, np.array([60]), np.array([3])):
        base = constant(0.5, patients=patients)
        run = constant(0.5, replicates=noise, patients=patients)
        (one,) = compare({"base": [[base]], "run": [[run]]}, {"run": "base"})
        widths.append(one.high - one.low)
    assert widths[0] == widths[1]
    assert widths[2] == close(widths[0] * stats.t.isf(0.025, 2) / stats.t.isf(0.025, N - 1))


def repeated(*values, name, scale=0.003, classes=None):
    """A measure of several trainings, which varies over images by `scale`."""
    rng = np.random.default_rng(len(name))
    n = len(classes or (None,))
    noise = scale * rng.normal(size=(len(WEIGHTS) - 1, n))
    return [constant(v, name=name, replicates=noise, classes=classes) for v in values]


def test_seed_variances_are_moderated_within_a_family():
    """Three trainings that happen to be alike are no reason for certainty."""
    near, far = (0.5, 0.5001, 0.4999), (0.5, 0.52, 0.48)

    def compared(**measures):
        base = [repeated(*values, name=name) for name, values in measures.items()]
        run = [[constant(0.53, name=name) for name in measures]]
        found = compare({"base": list(zip(*base, strict=True)), "run": run}, {"run": "base"})
        return {one.measure: one for one in found}

    lone = compared(a=near)["a"]
    among = compared(a=near, bb=far, ccc=far, dddd=far)
    assert lone.high - lone.low < 0.6 * (among["a"].high - among["a"].low)
    wide = compared(a=far)["a"]
    assert among["bb"].high - among["bb"].low < wide.high - wide.low, "more is known of it"
    assert {one.of_loss for one in among.values()} == {True}


def test_a_measure_that_seeds_move_most_is_known_by_its_other_classes():
    """In one class three trainings happen to be alike; in the others of that measure not."""
    near, far, still = (0.5, 0.5001, 0.4999), (0.5, 0.6, 0.4), (0.5, 0.501, 0.499)
    classes = tuple("abcd")

    def compared(others):
        loud = [np.array(of) for of in zip(near, *[others] * 3, strict=True)]
        base = repeated(*loud, name="loud", scale=0.01, classes=classes)
        calm = repeated(
            *(np.full(4, one) for one in still), name="calm", scale=0.01, classes=classes
        )
        run = [constant(0.53, name=name, classes=classes) for name in ("loud", "calm")]
        found = compare(
            {"base": [list(one) for one in zip(base, calm, strict=True)], "run": [run]},
            {"run": "base"},
        )
        return {(one.measure, one.class_name): one.high - one.low for one in found}

    moved, calm = compared(far), compared(still)
    assert moved["loud", "a"] > 2 * calm["loud", "a"]
    assert moved["loud", "a"] > 2 * moved["calm", "a"]


RATIOS = np.array([10.0, 4.0, 2.0, 2.0, 1.0, 1.0, 0.5, 0.2])
OF_CLASSES = np.repeat([100.0, 2.0, 0.5, 0.2], 8)  # of four measures, in eight classes each


def draw_family(rng, n_trainings, correlation=0.5, ratios=RATIOS):
    """Trainings of one loss, whose measures move together, over images and more over seeds."""
    n_replicates = 100

    def draw(*shape):
        common = np.sqrt(correlation) * rng.normal(size=(*shape, 1))
        return common + np.sqrt(1 - correlation) * rng.normal(size=(*shape, len(ratios)))

    images = rng.normal(size=n_replicates) / np.sqrt(n_replicates)
    trainings = []
    for _ in range(n_trainings):
        shift = 0.01 * draw(n_replicates)
        value = 0.5 + images @ shift + 0.01 * np.sqrt(ratios) * draw(1)[0]
        of_measures = np.vstack([value, value + shift]).T[..., None]
        trainings.append(
            [
                Measure("s", f"m{place}", None, values, np.array([N]))
                for place, values in enumerate(of_measures)
            ]
        )
    return trainings


@pytest.mark.parametrize("n_trainings", [(3, 1), (3, 3)])
def test_trainings_of_one_loss_are_told_apart_no_more_often_than_promised(n_trainings):
    rng, excluding, rejected = np.random.default_rng(11), [], []
    for _ in range(200):
        drawn = draw_family(rng, sum(n_trainings))
        sides = {"base": drawn[: n_trainings[0]], "run": drawn[n_trainings[0] :]}
        found = compare(sides, {"run": "base"})
        excluding.append([one.low > 0 or one.high < 0 for one in found])
        rejected.append(any(one.p_adjusted < 0.05 for one in found))
    assert np.mean(excluding) <= 0.07
    assert np.mean(rejected) <= 0.07  # the binomial error is 1.4 %


def test_single_classes_are_told_apart_no_more_often_where_one_measure_moves_most():
    rng, rejected = np.random.default_rng(14), 0
    classes = tuple("abcdefgh")
    for _ in range(200):
        drawn = draw_family(rng, 4, ratios=OF_CLASSES)
        *base, run = (
            [
                Measure("s", f"m{n}", classes, values, np.full(len(classes), N))
                for n, values in enumerate(_of_four(training))
            ]
            for training in drawn
        )
        found = compare({"base": base, "run": [run]}, {"run": "base"})
        rejected += any(one.p_adjusted < 0.05 for one in found)
    assert rejected / 200 <= 0.07


def _of_four(training):
    """Values of 32 measures, as four of eight classes each."""
    values = np.concatenate([one.values for one in training], axis=1)
    return np.split(values, 4, axis=1)


def test_trainings_of_one_seed_each_are_told_apart_too_often():
    rng, excluding = np.random.default_rng(12), []
    for _ in range(60):
        base, run = draw_family(rng, 2)
        found = compare({"base": [base], "run": [run]}, {"run": "base"})
        assert not any(one.of_loss for one in found)
        excluding.append([one.low > 0 or one.high < 0 for one in found])
    assert np.mean(excluding) > 0.2


def test_a_true_difference_is_found_with_three_trainings_against_one():
    rng, found = np.random.default_rng(13), 0
    for _ in range(60):
        *base, run = draw_family(rng, 4)
        run[0] = replace(run[0], values=run[0].values + 0.25)  # 6 standard deviations of seeds
        (first, *_) = compare({"base": base, "run": [run]}, {"run": "base"})
        found += first.p_adjusted < 0.05
    assert found >= 30


def test_main_measures_are_a_family_of_their_own():
    """However many others are measured."""
    rng = np.random.default_rng(8)
    noise = 0.01 * rng.normal(size=(len(WEIGHTS) - 1, 41))
    names = ("accuracy", *(f"m{code}" for code in range(40)))

    def side(effect):
        return [
            replace(
                constant(0.5 + effect, name=name, replicates=effect * noise[:, [place]] / 0.025),
                stage="performance",
            )
            for place, name in enumerate(names)
        ]

    base, run = side(0.0), side(0.025)
    assert base[0].name == ACCURACY.name
    found = by_key(compare({"base": [base], "run": [run]}, {"run": "base"}), "run")
    main, other = found["performance", "accuracy", None], found["performance", "m0", None]
    (alone,) = compare({"base": [base[:1]], "run": [run[:1]]}, {"run": "base"})
    assert main.p_adjusted == alone.p_adjusted < 0.05
    assert other.p < 0.05 < other.p_adjusted


def test_every_measure_that_claims_judge_is_a_main_one():
    judged = {(item.stage, item.measure) for item in DIFFERENCE_CLAIMS}
    assert judged <= MAIN
    assert ("performance", "accuracy") in MAIN, "of LDAM"
    assert ("performance", "ece") not in MAIN


def test_trainings_of_one_seed_each_say_nothing_of_the_loss():
    one, two = [constant(0.5)], [[constant(0.5)], [constant(0.75)]]
    for sides, of_loss in (([[one], [one]], False), ([two, [one]], True), ([[one], two], True)):
        base, run = sides
        (found,) = compare({"base": base, "run": run}, {"run": "base"})
        assert found.of_loss is of_loss


def test_the_correction_covers_all_runs_measures_and_classes():
    """Of many comparisons without a difference the largest is not surprising."""
    rng = np.random.default_rng(5)
    noise = [0.01 * rng.normal(size=(len(WEIGHTS) - 1, 1)) for _ in range(20)]
    measured = {"base": [[constant(0.5, name=f"m{i}") for i in range(20)]]}
    for run, effect in (("near", 0.025), ("far", 0.08)):
        of_run = [constant(0.5, name=f"m{i}", replicates=each) for i, each in enumerate(noise)]
        of_run[0].values[:] += effect
        measured[run] = [of_run]
    differences = compare(measured, {"near": "base", "far": "base"})
    assert all(one.p_adjusted >= one.p for one in differences)
    near, far = (by_key(differences, run)["s", "m0", None] for run in ("near", "far"))
    assert near.p < 0.05 < near.p_adjusted
    assert far.p_adjusted < 0.05
    alone = {"base": measured["base"][:1], "near": [measured["near"][0][:1]]}
    (single,) = compare(alone, {"near": "base"})
    assert single.p == near.p
    assert single.p_adjusted < near.p_adjusted


def divergence(*values, defined_in=None):
    """Divergences of three classes, NaN where undefined; class c has errors in 10 + c images."""
    each = np.tile(np.array(values), (len(WEIGHTS), 1))
    if defined_in is not None:
        each[~defined_in] = NAN
    members = np.arange(N)[:, None] < 10 + np.arange(3)
    return [mean_of_defined(replace(KLD, has_interval=True), PerClass(each, members, None))]


def test_runs_are_compared_over_the_classes_that_both_define():
    """One is better in each class that both judge, and its own mean is the larger one."""
    measured = {"base": [divergence(1.0, 3.0, NAN)], "run": [divergence(NAN, 2.0, 5.0)]}
    assert [one[0][0].values[0, 0] for one in measured.values()] == [2.0, 3.5]
    (one,) = compare(measured, {"run": "base"})
    assert (one.baseline_value, one.value, one.difference) == (3.0, 2.0, -1.0)
    assert (one.classes, one.images) == (1, 11)
    (same,) = compare(
        {"base": [divergence(1.0, 3.0, 4.0)], "run": [divergence(2.0, 3.0, 4.0)]}, {"run": "base"}
    )
    assert (same.classes, same.value, same.images) == (3, 3.0, 12)


def test_repeats_count_in_the_classes_that_all_of_them_define():
    measured = {
        "base": [divergence(1.0, 3.0, 9.0), divergence(3.0, NAN, 9.0)],
        "run": [divergence(4.0, 5.0, NAN)],
    }
    (one,) = compare(measured, {"run": "base"})
    assert (one.baseline_value, one.value, one.classes) == (2.0, 4.0, 1)


def test_a_replicate_too_compares_the_classes_that_both_define_in_it():
    drawn = np.arange(len(WEIGHTS)) % 2 == 0
    drawn[0] = True
    measured = {
        "base": [divergence(1.0, 3.0, 8.0)],
        "run": [divergence(2.0, 4.0, 9.0, defined_in=drawn[:, None] | [True, True, False])],
    }
    (one,) = compare(measured, {"run": "base"})
    assert (one.difference, one.images) == (1.0, 12)
    assert one.low < 1 < one.high
    assert one.high - one.low < 0.5, "both means vary much more"


def test_without_a_class_that_both_define_there_is_no_difference():
    measured = {"base": [divergence(1.0, NAN, NAN)], "run": [divergence(NAN, 2.0, 5.0)]}
    (one,) = compare(measured, {"run": "base"})
    assert np.isnan([one.value, one.baseline_value, one.difference]).all()
    assert (one.classes, one.images) == (0, 0)


def test_too_few_images_and_undefined_values_leave_values_but_no_difference():
    names = ("a", "b")
    few = {
        "base": [[constant(0.5, classes=names, images=9), constant(0.5, name="undefined")]],
        "run": [[constant(0.75, classes=names, images=60), constant(NAN, name="undefined")]],
    }
    differences = compare(few, {"run": "base"})
    assert [one.class_name for one in differences] == ["a", "b", None]
    for one in differences:
        undefined = (one.difference, one.low, one.high, one.p, one.p_adjusted)
        assert np.isnan(undefined).all()
    assert (differences[0].baseline_value, differences[0].value) == (0.5, 0.75)
    assert [one.images for one in differences] == [9, 9, N]
    enough = compare(few, {"run": "base"}, min_images=9)
    assert [one.difference for one in enough] == close([0.25, 0.25, NAN])


def test_rows_follow_the_runs_and_numbers_are_plain():
    rng = np.random.default_rng(6)
    measured = {name: [measure(draw_logits(rng))] for name in ("base", "x", "y")}
    differences = compare(measured, {"y": "base", "x": "base"})
    runs = [one.setting for one in differences]
    assert runs == sorted(runs, reverse=True)
    assert {one.baseline for one in differences} == {"base"}
    for one in differences:
        assert all(type(getattr(one, figure)) is float for figure in FIGURES)
        assert type(one.images) is int
    again = compare(measured, {"y": "base", "x": "base"})
    np.testing.assert_equal([vars(one) for one in again], [vars(one) for one in differences])


def test_without_a_run_beside_the_baseline_there_is_no_difference():
    assert compare({"base": [[constant(0.5)]]}, {}) == []
    assert compare({}, {}) == []
