"""How well the analyses recover the truth that was planted in a generated dataset.

Every figure is NaN where it is undefined, that is where nothing could be judged.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.weighted_ranking import rank_once, weighted_auroc
from imbalens.classes import require_codes


def partner_recovery(
    distribution: Float[np.ndarray, "c c"], pairs: Int[np.ndarray, "p 2"]
) -> dict[str, float]:
    """Judge whether each class of a planted pair points at its partner, in both directions.

    Args:
        distribution: Row c spreads class c's mass over the other classes; a row with NaN is
            undefined and not judged. The diagonal is ignored.
        pairs: Planted pairs of classes.

    Returns:
        `top1`: share of directions whose largest entry is the partner; m equal largest
        entries count 1/m. `mean_share`: mean entry of the partner. `n`: directions judged.

    Raises:
        ValueError: if a pair names a class out of range or the same class twice.
    """
    _require_pairs(pairs, n_classes=len(distribution))
    hits, shares = [], []
    for source, partner in np.concatenate([pairs, pairs[:, ::-1]]):
        row = np.delete(distribution[source], source)
        if np.isnan(row).any():
            continue
        share = float(distribution[source, partner])
        hits.append(_top_hit(row, share))
        shares.append(share)
    return {"top1": _mean(hits), "mean_share": _mean(shares), "n": float(len(hits))}


def pair_recovery(
    similarity: Real[np.ndarray, "c c"], pairs: Int[np.ndarray, "p 2"]
) -> dict[str, float]:
    """Compare the similarity of planted pairs with that of all other pairs.

    Args:
        similarity: Symmetric similarity of classes; pairs with NaN are not judged. The
            diagonal is ignored.
        pairs: Planted pairs of classes.

    Returns:
        `auroc`: of the similarity as a score for being planted. `mean_planted` and
        `mean_other`: mean similarity of either kind.

    Raises:
        ValueError: if the similarity is not symmetric, or a pair names a class out of range
            or the same class twice.
    """
    n_classes = len(similarity)
    _require_pairs(pairs, n_classes=n_classes)
    if not np.allclose(similarity, similarity.T, equal_nan=True):
        raise ValueError("similarity must be symmetric, found that it is not")
    is_planted = np.zeros((n_classes, n_classes), dtype=bool)
    is_planted[pairs.min(axis=1), pairs.max(axis=1)] = True
    upper = np.triu_indices(n_classes, k=1)
    values, planted = similarity[upper], is_planted[upper]
    judged = ~np.isnan(values)
    values, planted = values[judged], planted[judged]
    return {
        "auroc": rank_once(weighted_auroc, values, planted),
        "mean_planted": _mean(values[planted]),
        "mean_other": _mean(values[~planted]),
    }


def saliency_recovery(
    salient: Bool[np.ndarray, "n h w"],
    shares: Float[np.ndarray, "c g"],
    base_shares: Float[np.ndarray, "c g"],
    defining: Int[np.ndarray, " c"],
    boxes: Int[np.ndarray, "b 6"],
) -> dict[str, dict[str, float]]:
    """Compare salient pixels with the planted colours and the planted objects.

    Returns:
        `colours`, see `colour_recovery`, and `box`, see `box_recovery`.
    """
    return {
        "colours": colour_recovery(shares, base_shares, defining),
        "box": box_recovery(*shares_in_boxes(salient, boxes)),
    }


def colour_recovery(
    shares: Float[np.ndarray, "c g"],
    base_shares: Float[np.ndarray, "c g"],
    defining: Int[np.ndarray, " c"],
) -> dict[str, float]:
    """Judge whether each class's defining colour gains most among its salient pixels.

    The gain of a colour group is its share of salient pixels minus its base share. A
    difference, unlike a quotient, is not ruled by groups that hardly occur.

    Args:
        shares: Share of each colour group among the salient pixels of each class; a class
            with NaN is not judged.
        base_shares: The same over all pixels of the class.
        defining: Planted defining colour group per class.

    Returns:
        `top1`: share of classes whose largest gain is that of the defining colour; m equal
        largest gains count 1/m. `mean_gain`: mean gain of the defining colour. `n`: classes
        judged.

    Raises:
        ValueError: if a defining colour is out of range.
    """
    require_codes(defining, n_codes=shares.shape[1], name="defining")
    gains = shares - base_shares
    judged = np.flatnonzero(~np.isnan(gains).any(axis=1))
    own = gains[judged, defining[judged]]
    hits = [_top_hit(row, float(gain)) for row, gain in zip(gains[judged], own, strict=True)]
    return {"top1": _mean(hits), "mean_gain": _mean(own), "n": float(len(judged))}


def box_recovery(
    salient_in_box: Float[np.ndarray, " n"], box_share: Float[np.ndarray, " n"]
) -> dict[str, float]:
    """Judge how far salient pixels gather on the planted object.

    Args:
        salient_in_box: Share of an image's salient pixels that lie in the object's box.
        box_share: Area of the box as a share of the image.

    Returns:
        `salient_in_box` and `box_area`: means over the images in which both are defined (not
        NaN). `lift`: the first over the second. `n`: images judged.

    Raises:
        ValueError: if a share lies outside 0..1.
    """
    judged = ~(np.isnan(salient_in_box) | np.isnan(box_share))
    inside, area = salient_in_box[judged], box_share[judged]
    for name, values in (("salient_in_box", inside), ("box_share", area)):
        outside = values[(values < 0) | (values > 1)]
        if len(outside):
            raise ValueError(f"{name} must lie in 0..1, found {outside[0]}")
    return {
        "salient_in_box": _mean(inside),
        "box_area": _mean(area),
        "lift": float(divide(inside.sum(dtype=np.float64), area.sum(dtype=np.float64))),
        "n": float(judged.sum()),
    }


def shares_in_boxes(
    mask: Bool[np.ndarray, "n h w"], boxes: Int[np.ndarray, "b 6"]
) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Measure how much of each box's image is chosen inside the box.

    Args:
        mask: Chosen pixels.
        boxes: Row of the image, class, x, y, width and height in pixels.

    Returns:
        Per box: the share of its image's chosen pixels that lie inside (NaN where none is
        chosen), and the box's area as a share of the image.
    """
    inside = [
        int(mask[row, y : y + height, x : x + width].sum())
        for row, _, x, y, width, height in boxes
    ]
    chosen = mask.sum(axis=(1, 2))[boxes[:, 0]]
    area = boxes[:, 4] * boxes[:, 5] / (mask.shape[1] * mask.shape[2])
    return divide(np.array(inside, dtype=np.float64), chosen), area


def prediction_recovery(
    predictions: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    subconcept: Bool[np.ndarray, " n"],
    mislabelled: Bool[np.ndarray, " n"],
) -> dict[str, float]:
    """Compare the recall of planted sub-concepts with that of the same classes' other images.

    Args:
        predictions: Predicted class per instance.
        labels: Class per instance.
        subconcept: Which instances belong to their class's planted rare variant.
        mislabelled: Which instances carry a planted wrong label; they are left out.

    Returns:
        `recall_subconcept` and `recall_ordinary`; classes without a sub-concept are left out.
    """
    concerned = of_rare_variants(labels, subconcept, mislabelled)
    hit, rare = (predictions == labels)[concerned], subconcept[concerned]
    return {
        "recall_subconcept": float(divide(hit[rare].sum(), rare.sum())),
        "recall_ordinary": float(divide(hit[~rare].sum(), (~rare).sum())),
    }


def of_rare_variants(
    labels: Int[np.ndarray, " n"],
    subconcept: Bool[np.ndarray, " n"],
    mislabelled: Bool[np.ndarray, " n"],
) -> Bool[np.ndarray, " n"]:
    """Tell which instances are rightly of a class that has a rare variant."""
    return np.isin(labels, labels[subconcept]) & ~mislabelled


def _require_pairs(pairs: Int[np.ndarray, "p 2"], *, n_classes: int) -> None:
    require_codes(pairs.ravel(), n_codes=n_classes, name="classes of planted pairs")
    same = pairs[pairs[:, 0] == pairs[:, 1]]
    if len(same):
        raise ValueError(f"a planted pair must join two classes, found {same[0].tolist()}")


def _top_hit(values: Float[np.ndarray, " m"], value: float) -> float:
    """Chance that `value` comes first when equal largest values are drawn at random."""
    largest = values.max()
    return 1 / int((values == largest).sum()) if value == largest else 0.0


def _mean(values: list | np.ndarray) -> float:
    """Mean, NaN of nothing."""
    return float(divide(np.sum(values, dtype=np.float64), len(values)))
