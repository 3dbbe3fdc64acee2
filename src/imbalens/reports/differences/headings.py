"""Names of columns, measures and stages in words, as figures and pages show them."""

from collections import Counter

from imbalens.analysis.common.measures import (
    ADVERSARIES,
    CAM_ALIGNMENT,
    CONCEPTS,
    MATCHED_SCALE,
)
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS

MEASURES = (*OF_CLASSES, *OF_LABELS, *ADVERSARIES, *CAM_ALIGNMENT, *CONCEPTS)
SPECS = {(spec.stage, spec.name): spec for spec in (*MEASURES, *MATCHED_SCALE)}
OF_SEVERAL_STAGES = {name for name, n in Counter(name for _, name in SPECS).items() if n > 1}
ABBREVIATIONS = {
    "auroc": "AUROC",
    "ap": "AP",
    "fdr": "FDR",
    "cka": "CKA",
    "cam": "CAM",
    "cams": "CAMs",
}
PHRASES = {
    "adversary_baseline": "adversary in the baseline",
    "share_baseline": "share in the baseline",
    "top_features_matched": "top features, matched",
    **{spec.name: spec.heading for spec in MEASURES if spec.name not in OF_SEVERAL_STAGES},
}
ENDINGS = {
    "debiased": "debiased",
    "matched": "matched scale",
    "shifted": "shifted boxes",
    "hard": "hard",
    "untrained": "untrained",
}


def heading(name: str) -> str:
    """Turn a column's name into words: `iobb_shifted` becomes `IoBB, shifted boxes`."""
    if name in PHRASES:
        return PHRASES[name]
    measure, _, ending = name.rpartition("_")
    if measure and ending in ENDINGS:
        return f"{heading(measure)}, {ENDINGS[ending]}"
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.replace("_", " ").split(" "))


def measure_heading(stage: str, name: str) -> str:
    """Return what a measure of a stage is called: `auroc` is of labels, or of pixels."""
    spec = SPECS.get((stage, name))
    return spec.heading if spec else heading(name)
