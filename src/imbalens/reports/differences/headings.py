"""Names of columns, measures and stages in words, as figures and pages show them."""

ABBREVIATIONS = {
    "auroc": "AUROC",
    "ap": "AP",
    "ece": "ECE",
    "iobb": "IoBB",
    "ior": "IoR",
    "iou": "IoU",
    "kld": "KLD",
    "fdr": "FDR",
    "cka": "CKA",
    "f1": "F1",
    "cam": "CAM",
    "cams": "CAMs",
}
PHRASES = {
    "adversary_baseline": "adversary in the baseline",
    "all_zero": "all-zero maps",
    "disjoint": "disjoint concepts",
    "empty_matched": "empty maps, matched scale",
    "few": "recall, few-shot classes",
    "kld_fdr": "KLD from FDR",
    "kld_random": "KLD from a random draw",
    "many": "recall, many-shot classes",
    "medium": "recall, medium-shot classes",
    "pointing": "pointing game",
    "probability": "predicted probability",
    "probability_positives": "predicted probability of positives",
    "recall_half": "recall at probability 0.5",
    "share_baseline": "share in the baseline",
    "top_features_matched": "top features, matched",
    "unique": "unique concepts",
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
