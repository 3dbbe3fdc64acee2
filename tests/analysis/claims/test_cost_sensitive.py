from math import nan

import pytest

from imbalens.analysis.claims.added_activation import ADDED_IN_BOXES
from imbalens.analysis.claims.cost_sensitive import (
    CONTROLLED,
    DIFFERENCE_CLAIMS,
    LOSS_CLAIMS,
    Comparison,
    judge_losses,
)
from imbalens.analysis.differences.comparison import Difference
from tests.analysis.claims.rules import rules

ITEMS = {item.claim.id: item for item in DIFFERENCE_CLAIMS}
SEVERAL = "images and seeds"


def difference_of(name, low, high, *, images=240, p_adjusted=0.03, over="images and seeds"):
    item = ITEMS[name]
    middle = (low + high) / 2
    return Difference(
        setting="wbce",
        baseline="bce",
        stage=item.stage,
        measure=item.measure,
        class_name=None,
        baseline_value=0.5,
        value=0.5 + middle,
        difference=middle,
        low=low,
        high=high,
        p=0.01,
        p_adjusted=p_adjusted,
        images=images,
        seeds=1,
        spread=nan,
        over=over,
        freedom=30.0,
    )


def comparison(*differences, **changed):
    values = {
        "setting": "wbce",
        "baseline": "bce",
        "plain": True,
        "differences": {(one.stage, one.measure): one for one in differences},
        "added": [],
        "unmapped": [],
        "classes_exclude": False,
        "positives_fixed": True,
    }
    return Comparison(**values | changed)


def judged(name, low, high, margin=0.02, images=240, p_adjusted=0.03, over=SEVERAL, **changed):
    options = {"images": images, "p_adjusted": p_adjusted, "over": over}
    one = comparison(difference_of(name, low, high, **options), **changed)
    findings = judge_losses([one], rules=rules(margin=margin))
    assert [finding.claim for finding in findings] == list(LOSS_CLAIMS)
    return {finding.claim.id: finding for finding in findings}


def verdict(name, *arguments, **options):
    return judged(name, *arguments, **options)[name]


@pytest.mark.parametrize("name", ["auroc_marginal", "ap_marginal"])
def test_marginal_differences_lie_within_the_margin(name):
    assert verdict(name, -0.01, 0.015).verdict == "holds"
    assert verdict(name, 0.03, 0.05).verdict == "does not hold"
    assert verdict(name, -0.05, -0.03).verdict == "does not hold"
    assert verdict(name, 0.01, 0.05).verdict == "not decided"
    assert verdict(name, 0.01, 0.05, margin=0.1).verdict == "holds"
    assert verdict(name, -0.01, 0.015).threshold == 0.02


def test_that_a_difference_is_marginal_is_corrected_for_the_number_of_such_claims():
    """Not with the differences, none of which is stated: a p of no difference says nothing."""
    assert verdict("auroc_marginal", -0.01, 0.015, p_adjusted=1.0).verdict == "holds"
    tight = difference_of("auroc_marginal", -0.0195, 0.0175)
    single = judge_losses([comparison(tight)], rules=rules())[0]
    assert single.verdict == "holds"
    assert 0.02 < single.estimate.p == single.p_adjusted < 0.05
    wide = difference_of("ap_marginal", -0.05, 0.05)
    found = judge_losses([comparison(tight, wide)], rules=rules())
    assert found[0].p_adjusted == pytest.approx(2 * single.p_adjusted)
    assert found[0].verdict == "not decided"
    assert "singly, not after correction" in found[0].reason
    assert found[1].verdict == "not decided"


def test_marginal_claims_say_what_margin_so_many_images_allow():
    assert verdict("auroc_marginal", -0.02, 0.06).reason.endswith(
        "lies partly outside ±0.02 (240 images, adjusted p 1). "
        "So many images allow no margin below ±0.04."
    )


@pytest.mark.parametrize("name", ITEMS)
def test_one_training_of_each_loss_decides_nothing(name):
    found = verdict(name, 0.1, 0.2, over="images, these trainings")
    assert found.verdict == "not decided"
    assert found.reason.startswith("One training each: these two networks differ; of the loss")
    same = verdict(name, -0.001, 0.001, over="patients, these trainings", p_adjusted=1.0)
    assert same.verdict == "not decided"
    assert same.reason.startswith("One training each: these two networks are not shown to differ")
    assert verdict(name, 0.1, 0.2, over="patients and seeds").verdict != "not decided"


RISING = [name for name in ITEMS if name.endswith("_rises")]
FALLING = [name for name in ITEMS if name.endswith("_falls")]


def test_every_claim_is_of_one_kind_and_has_its_own_name():
    assert len(ITEMS) == len(DIFFERENCE_CLAIMS)
    assert {*RISING, *FALLING, "auroc_marginal", "ap_marginal"} == set(ITEMS)
    assert FALLING == ["ior_falls", "ior_matched_falls"]
    assert len({(item.stage, item.measure) for item in DIFFERENCE_CLAIMS}) == len(ITEMS)
    assert {claim.id for claim in LOSS_CLAIMS} == {*ITEMS, ADDED_IN_BOXES.id}


@pytest.mark.parametrize("name", RISING)
def test_rises(name):
    assert verdict(name, 0.1, 0.2).verdict == "holds"
    assert verdict(name, -0.2, -0.1).verdict == "does not hold"
    assert verdict(name, -0.1, 0.1).verdict == "not decided"


@pytest.mark.parametrize("name", FALLING)
def test_falls(name):
    assert verdict(name, -0.2, -0.1).verdict == "holds"
    assert verdict(name, 0.1, 0.2).verdict == "does not hold"
    assert verdict(name, -0.1, 0.1).verdict == "not decided"


def test_an_interval_decides_however_few_images_it_was_given_for_and_none_decides_nothing():
    assert verdict("iobb_rises", 0.1, 0.2, images=20).verdict == "holds"
    assert "is undefined" in verdict("iobb_rises", nan, nan).reason


def test_the_finding_repeats_the_comparison():
    found = verdict("iobb_rises", 0.125, 0.25)
    assert (found.judged, found.baseline, found.seeds, found.p_adjusted) == (
        "wbce",
        "bce",
        1,
        0.03,
    )
    assert "adjusted p 0.03" in found.reason


def test_recall_is_judged_at_one_half_and_controlled_by_fixed_positives():
    found = judged("recall_half_rises", 0.1, 0.2)
    assert found["recall_half_rises"].verdict == "holds"
    assert "at probability 0.5" in found["recall_half_rises"].claim.statistic
    assert found["recall_rises"].verdict == "not measured"
    assert found["recall_rises"].reason == (
        "Not measured: the differences from bce have no recall of performance."
    )
    control = judged("recall_rises", -0.1, 0.1)
    assert control["recall_rises"].verdict == "not decided"
    assert "as many predicted positives" in control["recall_rises"].claim.statistic
    assert "no recall_half of performance" in control["recall_half_rises"].reason
    free = verdict("recall_rises", 0.1, 0.2, positives_fixed=False)
    assert free.verdict == "not measured"
    assert "there is no control" in free.reason


def test_what_cannot_be_judged_says_why():
    found = judged("iobb_rises", 0.1, 0.2, plain=False)
    said = {(finding.verdict, finding.reason) for finding in found.values()}
    assert said == {("not applicable", "The baseline bce does not have the plain loss.")}
    found = judged("iobb_rises", 0.1, 0.2, classes_exclude=True)
    assert found["iobb_rises"].verdict == "holds", "boxes may be of images with one class"
    defined = "Stated of labels: not defined where classes exclude each other."
    for name in ("auroc_marginal", "recall_half_rises"):
        assert (found[name].verdict, found[name].reason) == ("not applicable", defined)
    found = judged("ap_marginal", -0.01, 0.01, unmapped=["wbce", "wbce-1"])
    assert found["ap_marginal"].verdict == "holds"
    unmapped = "No maps were dumped for wbce, wbce-1 (dumps.maps.runs)."
    for name in ("iobb_rises", "disjoint_rises", ADDED_IN_BOXES.id):
        assert (found[name].verdict, found[name].reason) == ("not measured", unmapped)
    found = judged("iobb_rises", 0.1, 0.2)[ADDED_IN_BOXES.id]
    assert (found.verdict, found.reason) == ("not measured", "Not measured: no image has a box.")


def test_controlled_claims_differ_in_scale_only():
    for paper, matched in CONTROLLED.values():
        assert matched.measure == f"{paper.measure}_matched"
        assert matched.stage == paper.stage
        assert matched.claim.side == paper.claim.side
        assert {paper.claim.id, matched.claim.id} <= set(ITEMS)
