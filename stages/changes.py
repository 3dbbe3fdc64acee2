"""Compare what a dataset's runs learned: features, archetypes, adversaries and colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.changes import (
    ArchetypeFlow,
    archetype_flow,
    expected_shared,
    match_features,
    shared_top_features,
    total_variation,
)
from imbalens.analysis.changes.similarity import cka_matrix, class_cka, linear_cka
from imbalens.analysis.feature_overlap import top_features
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.classes import (
    Classes,
    class_names,
    count_members,
    list_pairs,
    pair_features,
)
from imbalens.dumps.files import FeatureDump, read_features, require_same_images
from imbalens.errors import InputError
from imbalens.params.experiment import Params, baseline_of
from imbalens.reports.changes.figures import draw_changes, draw_flows
from imbalens.reports.changes.similarity import draw_similarity, similarity_table
from imbalens.reports.changes.tables import (
    Change,
    adversary_table,
    change_table,
    flow_table,
    mean_change,
)
from imbalens.reports.shares import share_matrix
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import read_table, write_csv
from imbalens.store.prepared import read_metadata

PLOTS = Path("plots/changes")
FIGURES = Path("plots/figures/changes")


@dataclass(frozen=True)
class RunSeen:
    """What is compared of one run.

    Attributes:
        dump: Features and targets.
        classes: Classes of the training images.
        evaluation_classes: Those of the evaluation images.
        archetypes: Archetype of each pair of a training image and a class that it has.
        adversaries: Per class the shares of its nearest adversaries.
        errors: Per class the shares of its errors.
        colours: Per class the shares of the colour groups; None if the run has no saliency.
    """

    dump: FeatureDump
    classes: Classes
    evaluation_classes: Classes
    archetypes: Int[np.ndarray, " p"]
    adversaries: Float[np.ndarray, "c c"]
    errors: Float[np.ndarray, "c c"]
    colours: Float[np.ndarray, "c g"] | None


def main(argv: Sequence[str] | None = None) -> None:
    """Write the tables of all changes and their figures."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    runs = [run for run, options in params.runs.items() if options.dataset == name]
    split = params.analyses.performance.split
    paths = [Path(f"data/dumps/features/{run}.h5") for run in runs]
    require_same_images(paths, sorted({"train", split}))
    seen = {run: read_run(run, params) for run in runs}
    baselines = {run: base for run in runs if (base := baseline_of(params, run)) != run}
    about = read_metadata(Path(f"data/prepared/{name}.h5"))
    title = dataset_title(name, generated=about.generated)
    features = [seen[run].dump.splits[split].features for run in runs]
    similarity = similarity_table(
        cka_matrix(features, debiased=False), cka_matrix(features, debiased=True), runs
    )
    write_csv(PLOTS / f"{name}-similarity.csv", similarity)
    draw_similarity(similarity, FIGURES / f"{name}-similarity.png", dataset=title)

    names = class_names(about.class_names, task=about.task)
    counts = np.zeros(len(names), dtype=int)
    if runs:
        counts = count_members(seen[runs[0]].classes, n_classes=len(names))
    flows = {run: find_flow(seen[base], seen[run], len(names)) for run, base in baselines.items()}
    changes = {
        run: find_changes(seen[base], seen[run], flows[run], counts, params)
        for run, base in baselines.items()
    }
    table, flow = change_table(changes, names, counts), flow_table(flows, names, counts)
    shown = ", ".join(dict.fromkeys(baselines.values()))
    write_csv(PLOTS / f"{name}.csv", table)
    draw_changes(table, FIGURES / f"{name}.png", dataset=title, baseline=shown)
    write_csv(PLOTS / f"{name}-flow.csv", flow)
    draw_flows(flow, FIGURES / f"{name}-flow.png", dataset=title, baseline=shown)
    write_csv(PLOTS / f"{name}-adversaries.csv", adversaries_of(seen, baselines, names, counts))


def read_run(run: str, params: Params) -> RunSeen:
    """Read what other stages found out about a run."""
    split = params.analyses.performance.split
    dump = read_features(
        Path(f"data/dumps/features/{run}.h5"),
        sorted({"train", split}),
        decision=params.analyses.labels.decision,
    )
    names, classes = dump.class_names, dump.splits["train"].classes
    path = Path(f"data/instances/archetypes/{run}.csv")
    instances = read_table(path, command=f"dvc repro archetypes@{run}")
    rows, _ = list_pairs(classes)
    if instances["row"].tolist() != [str(row) for row in rows]:
        raise InputError(
            f"{path}: found {len(instances)} rows that are not the {len(rows)} pairs of an image "
            f"and its classes in the features of {run}; run: dvc repro archetypes@{run}"
        )
    shares = read_table(
        Path(f"plots/adversaries/{run}.csv"), command=f"dvc repro adversaries@{run}"
    )
    adversaries, errors = (
        share_matrix(
            shares[shares["kind"] == kind], column="adversary", classes=names, entries=names
        )
        for kind in ("neighbours", "errors")
    )
    colours = None
    if run in params.dumps.saliency.runs:
        groups = read_table(
            Path(f"plots/saliency_colours/{run}.csv"), command=f"dvc repro saliency_colours@{run}"
        )
        colours = share_matrix(
            groups[groups["archetype"] == "all"],
            column="group",
            classes=names,
            entries=COLOUR_GROUPS,
        )
    return RunSeen(
        dump=dump,
        classes=classes,
        evaluation_classes=dump.splits[split].classes,
        archetypes=instances["archetype"].map(ARCHETYPE_NAMES.index).to_numpy(dtype=int),
        adversaries=adversaries,
        errors=errors,
        colours=colours,
    )


def find_flow(baseline: RunSeen, other: RunSeen, n_classes: int) -> ArchetypeFlow:
    """Count how the archetypes of training images move between two runs."""
    _, codes = list_pairs(baseline.classes)
    return archetype_flow(baseline.archetypes, other.archetypes, codes, n_classes=n_classes)


def find_changes(
    baseline: RunSeen,
    other: RunSeen,
    flow: ArchetypeFlow,
    counts: Int[np.ndarray, " c"],
    params: Params,
) -> dict[str, Change]:
    """Measure how far a run is from its baseline, in several ways."""
    split, top_k = params.analyses.performance.split, params.analyses.feature_overlap.top_k
    both = (baseline.dump.splits[split].features, other.dump.splits[split].features)
    n_classes, members = len(counts), flow.count.sum(axis=(1, 2))
    evaluated = count_members(baseline.evaluation_classes, n_classes=n_classes)
    by_class = class_cka(
        *both,
        baseline.evaluation_classes,
        n_classes=n_classes,
        min_images=params.analyses.compare.min_images,
        debiased=True,
    )
    overall = linear_cka(*both, debiased=True)
    changes = {
        "cka_debiased": Change(overall, by_class, evaluated, np.nan),
        "archetypes_moved": Change(flow.overall_moved, flow.moved, members, np.nan),
        "archetypes_safer": Change(flow.overall_safer, flow.safer, members, np.nan),
    }
    on_train = [run.dump.splits["train"].features for run in (baseline, other)]
    top = [
        top_features(*pair_features(features, run.classes), n_classes=n_classes, top_k=top_k)
        for features, run in zip(on_train, (baseline, other), strict=True)
    ]
    n_features = (on_train[0].shape[1], on_train[1].shape[1])
    chance = expected_shared(top_k=top_k, n_features=n_features)
    partner = match_features(*on_train).partner
    for key, matched in (
        ("top_features", np.arange(n_features[0])),
        ("top_features_matched", partner),
    ):
        shared = shared_top_features(top[0].indices, top[1].indices, matched)
        changes[key] = mean_change(shared, counts, chance=chance)
    for key in ("adversaries", "errors", "colours"):
        first, second = getattr(baseline, key), getattr(other, key)
        if first is not None and second is not None:
            changes[key] = mean_change(total_variation(first, second), counts, chance=np.nan)
    return changes


def adversaries_of(
    seen: Mapping[str, RunSeen],
    baselines: Mapping[str, str],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """Return each class's nearest adversaries before and after, run by run."""
    tables = [
        adversary_table(seen[base].adversaries, {run: seen[run].adversaries}, names, counts)
        for run, base in baselines.items()
    ]
    if not tables:
        return adversary_table(np.zeros((len(names), len(names))), {}, names, counts)
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    run_stage(main)
