"""The mutants that `benchmarks.mutants` tries: mistakes that a change of an analysis may make."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One wrong line.

    Attributes:
        name: What is wrong.
        module: File within src/imbalens/analysis, without its suffix.
        right: Text that stands there once.
        wrong: Text in its place.
    """

    name: str
    module: str
    right: str
    wrong: str


MUTANTS = (
    Mutant(
        "an archetype begins one neighbour later",
        "archetypes/judging",
        'same_class, side="right")',
        'same_class, side="left")',
    ),
    Mutant(
        "mislabelled images are judged as sub-concepts too",
        "common/recovery",
        "np.isin(labels, labels[subconcept]) & ~mislabelled",
        "np.isin(labels, labels[subconcept])",
    ),
    Mutant(
        "a neighbour that has the class counts for its other classes",
        "adversaries/distributions",
        "selected[neighbors.row] & lacking[neighbors.neighbor]",
        "selected[neighbors.row] & np.ones_like(neighbor_labels)",
    ),
    Mutant(
        "Fisher's ratio takes sample variances",
        "adversaries/baselines",
        "members.var(axis=0)",
        "members.var(axis=0, ddof=int(len(members) > 1))",
    ),
    Mutant(
        "the random prediction is the mean share, not that of the mean logarithm",
        "adversaries/chance",
        "np.exp(np.log(share + eps) @ weight) - eps",
        "share @ weight",
    ),
    Mutant(
        "divergences are in bits",
        "adversaries/scores",
        "np.log(p / q)",
        "np.log2(p / q)",
    ),
    Mutant(
        "errors that tie at the last place are not wanted",
        "adversaries/scores",
        "rank_rows(-actual)[0] <= top",
        "rank_rows(-actual)[1] <= top",
    ),
    Mutant(
        "divergences of two runs are each over the run's own classes",
        "common/measured",
        "np.where(undefined, np.nan, one.values)",
        "one.values",
    ),
    Mutant(
        "the mean over pairs is one over classes",
        "cam_alignment/alignment",
        "np.array([mean_defined(values) for values in columns])",
        "np.array([mean_defined(values) for values in means])",
    ),
    Mutant(
        "negative evidence is cut off whatever is chosen",
        "cam_alignment/alignment",
        "np.maximum(cams, 0) if relu else cams",
        "np.maximum(cams, 0)",
    ),
    Mutant(
        "pixels at the threshold are kept at matched scale",
        "cam_alignment/matched",
        "(cams > thresholds[:, None, None])",
        "(cams >= thresholds[:, None, None])",
    ),
    Mutant(
        "the scale is matched within an image",
        "cam_alignment/pairs",
        "matched_thresholds(cams, pairs[:, 1]",
        "matched_thresholds(cams, pairs[:, 0]",
    ),
    Mutant(
        "a box loses the last cells that it touches in part",
        "concepts/regions",
        "-(-stop * cells_across // image_size)",
        "stop * cells_across // image_size",
    ),
    Mutant(
        "images of a patient are drawn apart",
        "differences/bootstrap",
        "    return unit, len(distinct)",
        "    return np.arange(n_images), n_images",
    ),
    Mutant(
        "a difference needs one image more",
        "differences/bootstrap",
        "(images >= min_images)",
        "(images > min_images)",
    ),
    Mutant(
        "degrees of freedom count images where patients are drawn",
        "differences/bootstrap",
        "np.minimum(baseline.units, other.units)",
        "np.minimum(baseline.images, other.images)",
    ),
    Mutant(
        "features are paired whatever the sign of their correlation",
        "changes/changes",
        "linear_sum_assignment(correlations, maximize=True)",
        "linear_sum_assignment(np.abs(correlations), maximize=True)",
    ),
    Mutant(
        "only the first of equal largest shares is marked",
        "changes/changes",
        "shares >= shares.max(axis=1, keepdims=True) * (1 - _TIE)",
        "np.arange(shares.shape[1]) == np.where(np.isnan(shares[:, :1]), -1, "
        "shares.argmax(axis=1)[:, None])",
    ),
    Mutant(
        "the number of salient pixels is rounded, not cut off",
        "saliency_colours",
        "int(Decimal(str(fraction)) * (height * width))",
        "round(Decimal(str(fraction)) * (height * width))",
    ),
    Mutant(
        "a cell of colours is judged by its darkest corner",
        "saliency_colours",
        "np.arange(0, 256, width) + (width - 1) / 2",
        "np.arange(0, 256, width) + 0.0",
    ),
    Mutant(
        "boxes never move to the last place",
        "common/boxes",
        "image_size - boxes[:, 4:] + 1",
        "np.maximum(image_size - boxes[:, 4:], 1)",
    ),
    Mutant(
        "maps are resized corner to corner",
        "common/cams",
        "(np.arange(n_out) + 0.5) * (n / n_out) - 0.5",
        "np.arange(n_out) * ((n - 1) / max(1, n_out - 1))",
    ),
    Mutant(
        "the mean of what is defined counts the undefined",
        "common/counting",
        "divide(defined.sum(), len(defined))",
        "divide(defined.sum(), len(values))",
    ),
    Mutant(
        "a medoid has the smallest sum of squared distances",
        "common/medoids",
        "            np.sqrt(distances, out=distances)\n",
        "",
    ),
    Mutant(
        "the image at the threshold of a label does not have it",
        "../classes",
        "return scores >= thresholds",
        "return scores > thresholds",
    ),
    Mutant(
        "neighbours are ranked by city-block distance",
        "common/neighbors",
        'np.einsum("pd,pd->p", offsets, offsets)',
        "np.abs(offsets).sum(axis=1)",
    ),
    Mutant(
        "a positive outranks a negative of equal score",
        "common/weighted_ranking",
        "(alarms[:, 1:] + alarms[:, :-1]) / 2",
        "alarms[:, :-1]",
    ),
    Mutant(
        "an entry that ties for the largest counts in full",
        "common/recovery",
        "return 1 / int((values == largest).sum())",
        "return 1.0",
    ),
    Mutant(
        "p is corrected for means and single classes together",
        "differences/comparison",
        'return "per class"',
        'return "other"',
    ),
    Mutant(
        "a connectivity of 4 joins corners",
        "concepts/components",
        "reach = 1 if connectivity == 8 else 0",
        "reach = 1",
    ),
    Mutant(
        "a connectivity of 8 does not join one of the two diagonals",
        "concepts/components",
        'stop + (width + reach), side="right")',
        'stop + width, side="right")',
    ),
    Mutant(
        "a class with just enough pairs has no shares",
        "concepts/channels",
        "pairs < FEWEST_PAIRS",
        "pairs <= FEWEST_PAIRS",
    ),
    Mutant(
        "batches share the threshold of the dataset",
        "concepts/counting",
        'n_images if threshold_scope == "dataset" else batch_size',
        "n_images",
    ),
    Mutant(
        "a part without holes is not counted",
        "concepts/counting",
        "1 + found.holes[part]",
        "np.maximum(1, found.holes[part])",
    ),
    Mutant(
        "evaluation images move the plane",
        "explore/embedding",
        "mean = fitted.mean(axis=0)",
        "mean = np.concatenate([train, evaluation]).astype(np.float64).mean(axis=0)",
    ),
    Mutant(
        "the density ratio has its classes swapped",
        "feature_overlap",
        "ratio[c] = frequency",
        "ratio[:, c] = frequency",
    ),
    Mutant(
        "the usual probability is that of all classes",
        "label_errors",
        "divide(total, np.bincount(labels, minlength=n_classes))[labels]",
        "np.full(n, own.mean())",
    ),
    Mutant(
        "the precision of a label is over its images",
        "performance/measures",
        "return precision(weights, judged.actual, judged.predicted)",
        "return recall(weights, judged.actual, judged.predicted)",
    ),
    Mutant(
        "a patient counts once for each image",
        "common/measured",
        "np.minimum(counts, has.sum(axis=0))",
        "np.minimum(counts, member.sum(axis=0))",
    ),
    Mutant(
        "each comparison is held against its own differences alone",
        "differences/families",
        "np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]",
        "drawn",
    ),
    Mutant(
        "a class at the cut has many images",
        "performance/measures",
        "train_counts > many_above",
        "train_counts >= many_above",
    ),
    Mutant(
        "the variance over seeds is that of a population",
        "differences/repeats",
        "var(axis=0, ddof=1)",
        "var(axis=0)",
    ),
    Mutant(
        "a single training counts as often as the repeated one",
        "differences/bootstrap",
        "1 / self.baseline.n_repeats + 1 / self.other.n_repeats",
        "2 / max(self.baseline.n_repeats, self.other.n_repeats)",
    ),
    Mutant(
        "a class at the cut has few images",
        "performance/measures",
        "train_counts < few_below",
        "train_counts <= few_below",
    ),
    Mutant(
        "a label with just enough images is left out of means",
        "common/measured",
        "count_behind(None, actual, lacking)[0] >= min_images",
        "count_behind(None, actual, lacking)[0] > min_images",
    ),
    Mutant(
        "the debiased similarity is one degree of freedom off",
        "changes/similarity",
        "n / (n - 2) * (a @ b)",
        "n / (n - 1) * (a @ b)",
    ),
    Mutant(
        "the quantile is one place too high",
        "common/thresholds",
        "(flat.size - 1) * (1 - q)",
        "flat.size * (1 - q)",
    ),
    Mutant(
        "values at the threshold exceed it",
        "common/thresholds",
        "np.greater(values, cut, out=out)",
        "np.greater_equal(values, cut, out=out)",
    ),
    Mutant(
        "neighbours to be shown stand in the order of rows",
        "common/neighbors",
        "row[nth < n_neighbors].reshape(-1, n_neighbors)",
        "np.sort(row[nth < n_neighbors].reshape(-1, n_neighbors), axis=1)",
    ),
    Mutant(
        "seeds of the denominator are forgotten",
        "differences/intervals",
        "variance + divide(bottom.seed_variance, bottom.values**2)",
        "variance",
    ),
    Mutant(
        "a class with few images varies as one with many",
        "common/measured",
        "scale * (together[1:] - together[0])",
        "together[1:] - together[0]",
    ),
    Mutant(
        "precision is that of the threshold before",
        "common/weighted_ranking",
        "hits[:, 1:] / np.maximum(drawn[:, 1:], 1)",
        "hits[:, :-1] / np.maximum(drawn[:, :-1], 1)",
    ),
    Mutant(
        "columns stay where the rows of classes are interchanged",
        "claims/adversary_prediction",
        "columns[judged] = judged[order]",
        "columns[judged] = judged",
    ),
    Mutant(
        "recall is judged where nothing controls it",
        "claims/cost_sensitive",
        "measure == RECALL.name and not comparison.positives_fixed",
        "measure == RECALL.name and comparison.classes_exclude",
    ),
    Mutant(
        "ends of the subtracted interval are swapped",
        "claims/intervals",
        "np.hypot(first.value - first.low, second.high - second.value)",
        "np.hypot(first.value - first.low, second.value - second.low)",
    ),
    Mutant(
        "a class must be more than so many times larger",
        "claims/ldam",
        ">= count_ratio * train_counts",
        "> count_ratio * train_counts",
    ),
    Mutant(
        "classes at the limit do not overlap",
        "claims/ldam",
        "baseline_jaccards.mean(axis=0) >= overlapping_jaccard",
        "baseline_jaccards.mean(axis=0) > overlapping_jaccard",
    ),
    Mutant(
        "the distance of colours is not halved",
        "claims/overlapping_classes",
        ".sum(axis=2) / 2",
        ".sum(axis=2)",
    ),
    Mutant(
        "an effect is said to rise where it falls",
        "claims/prior_shift",
        "verb, opposite = VERBS[claim.side]",
        "opposite, verb = VERBS[claim.side]",
    ),
    Mutant(
        "the least difference is not corrected for their number",
        "claims/true_positives",
        "1 - (1 - confidence) / len(pairs)",
        "confidence",
    ),
    Mutant(
        "just enough classes decide nothing",
        "claims/verdicts",
        "estimate.n < minimum",
        "estimate.n <= minimum",
    ),
    Mutant(
        "one training of each loss decides about the loss",
        "claims/verdicts",
        "if not over_seeds:",
        "if over_seeds is None:",
    ),
    Mutant(
        "errors of both trainings count as changed",
        "claims/ldam",
        "count[before & after].sum()",
        "count[before & ~after].sum()",
    ),
    Mutant(
        "a difference holds without correction for many",
        "claims/verdicts",
        "and p_adjusted > rules.alpha",
        "and p_adjusted > 1",
    ),
)
