"""Make the page to look at a dataset's images with, and list labels that may be wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

import numpy as np
import pandas as pd
from jaxtyping import Float

from imbalens.analysis.archetypes.judging import find_archetypes
from imbalens.analysis.common.neighbors import nearest_neighbors
from imbalens.analysis.explore.embedding import Plane, principal_plane, umap_plane
from imbalens.analysis.explore.neighbors import nearest_training
from imbalens.analysis.label_errors import (
    find_label_errors,
    label_error_recovery,
    label_probabilities,
    rank_candidates,
)
from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from imbalens.params.analyses import Pca, Umap
from imbalens.params.experiment import Params
from imbalens.reports.explore.candidates import COLUMNS, candidate_table
from imbalens.reports.explore.look import Look, Seen
from imbalens.reports.explore.page import (
    About,
    Pictures,
    RunPart,
    render_explore,
    render_without_runs,
)
from imbalens.reports.explore.pictures import Selection, choose_points, select_pictures
from imbalens.reports.explore.sprite import make_sprite
from imbalens.reports.page.shell import find_vega
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from imbalens.store.files import write_csv, write_json, write_text
from imbalens.store.prepared import Truth, read_images, read_metadata, read_names, read_truth

VEGA_PAGE = Path(".dvc/plots/page.html")
PLOTS = Path("plots/explore")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page, the table of candidates and the metrics."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    runs = [run for run, item in params.runs.items() if item.dataset == name]
    metrics, table = Path(f"metrics/explore/{name}.json"), PLOTS / f"{name}-label_errors.csv"
    if not runs:
        write_json(metrics, {"run": {}})
        write_csv(table, pd.DataFrame(columns=list(COLUMNS)))
        write_text(PLOTS / f"{name}.html", render_without_runs(name))
        return
    data = Path(f"data/prepared/{name}.h5")
    parts = look_at_all(runs, data, params)
    figures: dict[str, dict[str, object]] = {}
    for run, part in parts.items():
        figures[run] = {
            "candidates": part.look.errors.candidate.sum(),
            "explained_variance": part.look.plane.explained.sum(),
        }
        if part.recovery:
            figures[run]["recovery"] = part.recovery
    write_json(metrics, {"run": figures})
    write_csv(table, pd.concat([part.candidates for part in parts.values()]))
    split = params.analyses.performance.split
    selection = select(parts, params)
    about = About(
        dataset=name,
        generated=read_metadata(data).generated,
        split=split,
        embedding=params.analyses.explore.embedding.name,
        table=table.name,
    )
    pictures = read_pictures(data, split, selection, thumbnail=params.analyses.explore.thumbnail)
    vega = find_vega(VEGA_PAGE.read_text(encoding="utf-8"))
    page = render_explore(about, selection, pictures, parts, vega=vega)
    write_text(PLOTS / f"{name}.html", page)


def look_at_all(runs: Sequence[str], data: Path, params: Params) -> dict[str, RunPart]:
    """Return what each run tells, the labels it doubts, and how well that finds planted ones."""
    looks = {run: look_at(run, params) for run in runs}
    names, truth = read_names(data, "train"), read_truth(data, "train")
    n_runs = np.sum([look.errors.candidate for look in looks.values()], axis=0)
    return {
        run: RunPart(
            look=look,
            candidates=candidate_table(look, run=run, names=names, runs=n_runs),
            recovery=recover(look, truth),
        )
        for run, look in looks.items()
    }


def look_at(run: str, params: Params) -> Look:
    """Analyse one run's features."""
    options, kinds = params.analyses.explore, params.analyses.archetypes
    split = params.analyses.performance.split
    dump = read_features(
        Path(f"data/dumps/features/{run}.h5"),
        sorted({"train", split}),
        decision=params.analyses.labels.decision,
    )
    names, train = dump.class_names, dump.splits["train"]
    seen = {
        key: Seen(given=part.classes, predicted=part.predictions, index=part.index)
        for key, part in dump.splits.items()
    }
    given, k = seen["train"].given, kinds.n_neighbors
    require_neighbors("analyses.yaml: archetypes.n_neighbors", k, len(given))
    neighbors = nearest_neighbors(train.features, n_neighbors=k)
    errors = find_label_errors(
        label_probabilities(train.targets[neighbors], train.scores), train.targets
    )
    points = choose_points(
        seen[split].given,
        dump.class_counts,
        # training images are points of their own
        n_points=0 if split == "train" else options.evaluation_images,
        seed=options.seed,
    )
    features = dump.splits[split].features[points]
    return Look(
        loss=params.runs[run].loss.name,
        names=names,
        targets=train.targets,
        train=seen["train"],
        evaluation=seen[split],
        points=points,
        archetypes=find_archetypes(
            given[neighbors],
            given,
            safe_from=kinds.safe_from,
            border_from=kinds.border_from,
            rare_from=kinds.rare_from,
        ),
        neighbors=neighbors,
        point_neighbors=nearest_training(train.features, features, n_neighbors=k),
        plane=lay_out(train.features, features, options.embedding),
        errors=errors,
        listed=rank_candidates(errors, train.targets, n_candidates=options.label_errors),
    )


def lay_out(
    train: Float[np.ndarray, "n d"], evaluation: Float[np.ndarray, "e d"], options: Pca | Umap
) -> Plane:
    """Place images on a plane, in the way that was chosen."""
    match options:
        case Pca():
            return principal_plane(train, evaluation)
        case Umap(n_neighbors=n_neighbors, min_dist=min_dist, seed=seed):
            key = "analyses.yaml: explore.embedding"
            require_neighbors(f"{key}.n_neighbors", n_neighbors, len(train))
            try:
                return umap_plane(
                    train, evaluation, n_neighbors=n_neighbors, min_dist=min_dist, seed=seed
                )
            except ModuleNotFoundError as error:
                raise InputError(
                    f"{key}: found 'umap', but {error.name} is not installed; "
                    "run: pip install 'imbalens[umap]', or use pca"
                ) from error
        case _:
            assert_never(options)


def recover(look: Look, truth: Truth | None) -> dict[str, float] | None:
    """Judge the doubts where wrong labels were planted."""
    if truth is None:
        return None
    return label_error_recovery(look.errors, truth.mislabelled, truth.labels, look.listed[0])


def select(parts: Mapping[str, RunPart], params: Params) -> Selection:
    """Choose the images of the page; all candidates are points."""
    options, looks = params.analyses.explore, [part.look for part in parts.values()]
    first = looks[0]
    chosen = choose_points(
        first.train.given, first.counts, n_points=options.train_images, seed=options.seed
    )
    train = np.unique(np.concatenate([chosen, *(look.listed[0] for look in looks)]))
    neighbors = [np.concatenate([look.neighbors[train], look.point_neighbors]) for look in looks]
    return select_pictures(train, first.points, neighbors, n_pictured=options.neighbor_images)


def read_pictures(data: Path, split: str, selection: Selection, *, thumbnail: int) -> Pictures:
    """Read what the page shows of the images themselves."""
    pictured = selection.pictured
    of_train = read_images(data, "train", np.concatenate([pictured.train, pictured.further]))
    of_evaluation = read_images(data, split, selection.evaluation)
    truth, names = read_truth(data, "train"), read_names(data, "train")
    planted = np.full(len(names), -1)
    if truth:
        planted[truth.mislabelled] = truth.labels[truth.mislabelled]
    others = read_names(data, split)
    return Pictures(
        names=selection.merge(names, others),
        planted=selection.merge(planted.tolist(), [-1] * len(others)),
        sprite=make_sprite(pictured.merge(of_train, of_evaluation), thumbnail=thumbnail),
    )


if __name__ == "__main__":
    run_stage(main)
