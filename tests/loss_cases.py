"""One of each loss for classes."""

from imbalens.params import runs

CLASS_LOSSES = {
    "ce": runs.Ce(name="ce"),
    "weighted_ce": runs.WeightedCe(name="weighted_ce"),
    "focal": runs.Focal(name="focal", gamma=1.5, alpha=None, scale=3.0),
    "cb": runs.ClassBalanced(name="cb", beta=0.99),
    "ldam": runs.Ldam(name="ldam", max_margin=0.5, scale=30.0),
    "balanced_softmax": runs.BalancedSoftmax(name="balanced_softmax"),
    "logit_adjustment": runs.LogitAdjustment(name="logit_adjustment", tau=1.0, post_hoc=False),
}
