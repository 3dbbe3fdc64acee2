"""Compare nearest adversaries in the training images with the errors on unseen ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imbalens.analysis.adversaries.baselines import (
    centroid_distribution,
    fdr_distribution,
    prior_distribution,
    random_distribution,
    uniform_distribution,
)
from imbalens.analysis.adversaries.distributions import adversary_distribution, error_distribution
from imbalens.analysis.adversaries.scores import score_predictor
from imbalens.analysis.common.neighbors import nearest_neighbors
from imbalens.analysis.common.recovery import partner_recovery
from imbalens.classes import (
    pair_features,
)
from imbalens.dumps.files import read_features
from imbalens.reports.adversaries import (
    class_score_table,
    draw_adversaries,
    draw_predictors,
    predictor_table,
)
from imbalens.reports.common.tables import matrix_table
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import read_truth


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, both distributions, the table of predictors and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.adversaries
    path = Path(f"data/dumps/features/{name}.h5")
    decision = params.analyses.labels.decision
    dump = read_features(path, sorted({"train", options.split}), decision=decision)
    train, unseen = dump.splits["train"], dump.splits[options.split]
    names, counts = dump.class_names, dump.class_counts
    labels, predictions = train.classes, train.predictions
    c = len(names)

    require_neighbors(
        "analyses.yaml: adversaries.n_neighbors", options.n_neighbors, len(train.targets)
    )
    neighbors = nearest_neighbors(train.features, n_neighbors=options.n_neighbors)
    adversaries = adversary_distribution(
        labels[neighbors],
        labels,
        predictions,
        n_classes=c,
        instances=options.instances,
    )
    errors = error_distribution(
        unseen.classes, unseen.predictions, n_classes=c, errors=options.errors
    )
    confusion = error_distribution(labels, predictions, n_classes=c, errors=options.errors)
    features, codes = pair_features(train.features, labels)
    predictors = {
        "nearest adversaries": adversaries.share,
        "training confusion": confusion.share,
        "FDR": fdr_distribution(features, codes, n_classes=c),
        "centroid distance": centroid_distribution(features, codes, n_classes=c),
        "class prior": prior_distribution(counts),
        "uniform": uniform_distribution(c),
        "random": random_distribution(n_classes=c, seed=options.random_seed),
    }
    # every predictor is judged on the same classes: those that neighbours say something of
    silent = np.isnan(adversaries.share).any(axis=1, keepdims=True)
    judged = np.where(silent, np.nan, errors.share)
    scores = {
        predictor: score_predictor(judged, share, eps=options.eps)
        for predictor, share in predictors.items()
    }
    table = predictor_table(scores)
    own = scores["nearest adversaries"]
    metrics = {
        "kld": own.kld,
        "rank_correlation": own.rank_correlation,
        "top1": own.top1,
        "top3": own.top3,
        "classes": own.n_classes,
        "baseline_kld": {key: score.kld for key, score in scores.items() if score is not own},
        "class_kld": dict(zip(names, own.kld_per_class, strict=True)),
        "class_instances": dict(zip(names, adversaries.n_instances, strict=True)),
        "class_errors": dict(zip(names, errors.n_instances, strict=True)),
    }
    truth = read_truth(Path(f"data/prepared/{run.dataset}.h5"), "train")
    if truth:
        right = ~truth.mislabelled
        clean = adversary_distribution(
            labels[neighbors][right],
            labels[right],
            predictions[right],
            n_classes=c,
            instances=options.instances,
        )
        metrics["recovery"] = {
            "kld_without_mislabelled": score_predictor(judged, clean.share, eps=options.eps).kld,
            "adversaries": partner_recovery(adversaries.share, truth.pairs),
            "errors": partner_recovery(errors.share, truth.pairs),
        }
    write_json(Path(f"metrics/adversaries/{name}.json"), metrics)

    pairs = pd.concat(
        matrix_table({"share": share}, names, counts, rows="class", columns="adversary").assign(
            kind=kind
        )
        for kind, share in (
            ("errors", errors.share),
            ("neighbours", adversaries.share),
            *((name, predictors[name]) for name in ("FDR", "random")),
        )
    )
    pairs = pairs[pairs["class"] != pairs["adversary"]]
    plots, figures = Path("plots/adversaries"), Path("plots/figures/adversaries")
    write_csv(plots / f"{name}.csv", pairs)
    write_csv(plots / f"{name}-predictors.csv", table)
    classes = class_score_table(
        own,
        names,
        counts,
        kld_fdr=scores["FDR"].kld_per_class,
        n_instances=adversaries.n_instances,
        n_errors=errors.n_instances,
    )
    write_csv(plots / f"{name}-classes.csv", classes)
    draw_adversaries(
        pairs[pairs["kind"] == "errors"],
        pairs[pairs["kind"] == "neighbours"],
        figures / f"{name}.png",
        run=name,
        errors_by=options.errors,
        split=options.split,
    )
    draw_predictors(table, figures / f"{name}-predictors.png", run=name)


if __name__ == "__main__":
    run_stage(main)
