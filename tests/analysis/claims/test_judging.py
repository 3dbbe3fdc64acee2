import numpy as np
import pytest

from imbalens.analysis.claims.adversary_prediction import Foretold
from imbalens.analysis.claims.cost_sensitive import LOSS_CLAIMS, Comparison
from imbalens.analysis.claims.judging import Colours, RunResults, judge_claims
from imbalens.analysis.claims.ldam import LDAM_CLAIMS, LdamComparison, PredictionPairs
from imbalens.analysis.claims.overlapping_classes import COLOURS_ALIKE
from imbalens.analysis.claims.verdicts import NO_RUN
from tests.analysis.claims.rules import rules

OPTIONS = {"count_ratio": 2.0, "overlapping_jaccard": 0.3}
N = 8


def run_results(run="ce", *, colours=True):
    rng = np.random.default_rng(0)
    shares = np.zeros((N, N))
    shares[~np.eye(N, dtype=bool)] = rng.dirichlet(np.ones(N - 1), size=N).ravel()
    twins = np.kron(np.eye(N // 2), np.ones((2, 2)))
    alike = np.repeat(rng.dirichlet(np.ones(14) / 5, size=N // 2), 2, axis=0)
    return RunResults(
        run=run,
        archetypes=np.array([100, 100, 50, 50]),
        true_positives=np.array([95, 90, 10, 5]),
        foretold=Foretold(
            errors=shares,
            weights=np.full(N, 20),
            neighbours=shares,
            smoothed=0.9 * shares + 0.1 / N,
            score=np.full(N, 0.1),
            score_fdr=np.full(N, 0.4),
            score_name="KLD",
        ),
        colours=Colours(alike, 0.5 * twins) if colours else None,
    )


def ldam(*, plain):
    each = np.arange(N)
    return LdamComparison(
        setting="ldam",
        baseline="ce",
        plain=plain,
        predictions=[[PredictionPairs(each, each, each, np.full(N, 50))]],
        jaccards=np.full((1, N, N), 0.1),
        baseline_jaccards=np.full((1, N, N), 0.1),
        train_counts=100 * 2 ** np.arange(N),
    )


def judged(comparisons=(), runs=(), trained=()):
    findings = judge_claims(list(comparisons), list(runs), list(trained), rules=rules(), **OPTIONS)
    return {(finding.claim.id, finding.judged): finding for finding in findings}


def test_claims_without_anything_to_judge_them_on_say_so_and_every_run_is_judged():
    found = judged(runs=[run_results("ce"), run_results("ldam")])
    for claims, reason in (
        (LOSS_CLAIMS, "has a cost-sensitive loss."),
        (LDAM_CLAIMS, "has LDAM."),
    ):
        for claim in claims:
            none = found.pop((claim.id, NO_RUN))
            assert none.verdict == "not applicable"
            assert none.reason == f"No run of this dataset {reason}"
    assert {run for _, run in found} == {"ce", "ldam"}
    for run in ("ce", "ldam"):
        verdicts = {claim: each.verdict for (claim, of), each in found.items() if of == run}
        assert len(verdicts) == 6
        assert verdicts["safe_border_hold_true_positives"] == "holds"
        assert verdicts["adversaries_match_fdr"] == "holds", "better everywhere"
        assert verdicts["overlapping_colours_alike"] == "holds"


def test_a_run_without_saliency_leaves_its_colours_open():
    found = judged(runs=[run_results(colours=False)])[COLOURS_ALIKE.id, "ce"]
    assert (found.verdict, found.reason) == (
        "not measured",
        "No saliency was dumped for ce (dumps.saliency.runs).",
    )


@pytest.mark.parametrize("plain", [True, False])
def test_ldam_is_held_against_a_plain_baseline_only(plain):
    found = judged(trained=[ldam(plain=plain)])
    refused = "The baseline ce does not have the plain loss."
    for claim in LDAM_CLAIMS:
        finding = found[claim.id, "ldam"]
        assert finding.baseline == "ce"
        assert (finding.reason == refused) != plain


def test_every_loss_that_is_not_plain_is_compared():
    options = {"baseline": "bce", "plain": True, "differences": {}, "added": [], "unmapped": []}
    options |= {"classes_exclude": False, "positives_fixed": True}
    found = judged(comparisons=[Comparison(setting=run, **options) for run in ("wbce", "focal")])
    for claim in LOSS_CLAIMS:
        for run in ("wbce", "focal"):
            assert found[claim.id, run].reason.startswith("Not measured")
