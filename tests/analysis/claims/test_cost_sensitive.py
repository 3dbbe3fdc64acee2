from math import nan

import pytest

from imbalens.analysis.claims.cost_sensitive import (
    CONTROLLED,
    DIFFERENCE_CLAIMS,
    Difference,
    judge_difference,
)
from imbalens.analysis.claims.intervals import Estimate

ITEMS = {item.claim.id: item for item in DIFFERENCE_CLAIMS}


def verdict(name, low, high, images=240, margin=0.02):
    difference = Difference(Estimate((low + high) / 2, low, high, images, 0.01), 0.03, 1)
    return judge_difference(
        ITEMS[name], difference, run="wbce", baseline="bce", margin=margin, min_images=30
    )


@pytest.mark.parametrize("name", ["auroc_marginal", "ap_marginal"])
def test_marginal_differences_lie_within_the_margin(name):
    assert verdict(name, -0.01, 0.015).verdict == "holds"
    assert verdict(name, 0.03, 0.05).verdict == "does not hold"
    assert verdict(name, -0.05, -0.03).verdict == "does not hold"
    assert verdict(name, 0.01, 0.05).verdict == "not decidable"
    assert verdict(name, 0.01, 0.05, margin=0.1).verdict == "holds"
    assert verdict(name, -0.01, 0.015).threshold == 0.02


RISING = [name for name in ITEMS if name.endswith("_rises")]
FALLING = [name for name in ITEMS if name.endswith("_falls")]


def test_every_claim_is_of_one_kind_and_has_its_own_name():
    assert len(ITEMS) == len(DIFFERENCE_CLAIMS)
    assert {*RISING, *FALLING, "auroc_marginal", "ap_marginal"} == set(ITEMS)
    assert FALLING == ["ior_falls", "ior_matched_falls"]
    assert len({(item.stage, item.measure) for item in DIFFERENCE_CLAIMS}) == len(ITEMS)


@pytest.mark.parametrize("name", RISING)
def test_rises(name):
    assert verdict(name, 0.1, 0.2).verdict == "holds"
    assert verdict(name, -0.2, -0.1).verdict == "does not hold"
    assert verdict(name, -0.1, 0.1).verdict == "not decidable"


@pytest.mark.parametrize("name", FALLING)
def test_falls(name):
    assert verdict(name, -0.2, -0.1).verdict == "holds"
    assert verdict(name, 0.1, 0.2).verdict == "does not hold"
    assert verdict(name, -0.1, 0.1).verdict == "not decidable"


def test_few_images_or_no_interval_decide_nothing():
    assert verdict("iobb_rises", 0.1, 0.2, images=29).reason.startswith("Only 29 images")
    assert "is undefined" in verdict("iobb_rises", nan, nan).reason


def test_the_finding_repeats_the_comparison():
    found = verdict("iobb_rises", 0.125, 0.25)
    assert (found.run, found.baseline, found.seeds, found.p_adjusted) == ("wbce", "bce", 1, 0.03)
    assert "adjusted p 0.03" in found.reason


def test_controlled_claims_differ_in_scale_only():
    for paper, matched in CONTROLLED.values():
        assert matched.measure == f"{paper.measure}_matched"
        assert matched.stage == paper.stage
        assert matched.claim.side == paper.claim.side
        assert {paper.claim.id, matched.claim.id} <= set(ITEMS)
