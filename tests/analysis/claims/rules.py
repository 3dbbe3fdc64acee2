"""What verdicts ask for in the tests of claims."""

from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.verdicts import Rules

RESAMPLING = Resampling(confidence=0.95, n_resamples=200, seed=0)


def rules(**changed):
    values = {
        "resampling": RESAMPLING,
        "alpha": 0.05,
        "margin": 0.02,
        "score_margin": 0.1,
        "error_margin": 0.2,
        "min_images": 30,
        "min_classes": 5,
    }
    return Rules(**values | changed)
