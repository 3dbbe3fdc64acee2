"""Make the page to look at a dataset's images with, and list labels that may be wrong."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import assert_never

import numpy as np

from imbalens.analysis.explore.embedding import Plane, principal_plane, umap_plane
from imbalens.analysis.explore.explore import explore
from imbalens.dumps.files import read_features
from imbalens.params.analyses import Pca, Umap
from imbalens.params.experiment import Params
from imbalens.reports.explore import page as report
from imbalens.reports.explore.look import Look, Seen
from imbalens.reports.explore.pictures import Selection, choose_points, select_of_runs
from imbalens.reports.explore.sprite import make_sprite
from imbalens.reports.page.shell import find_vega
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from imbalens.store.files import write_json, write_text
from imbalens.store.prepared import Truth, read_images, read_metadata, read_names, read_truth
from imbalens.store.tables import write_table
from imbalens.tables.explore import CANDIDATES

VEGA_PAGE = Path(".dvc/plots/page.html")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page, the table of candidates and the metrics."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    data, options = Path(f"data/prepared/{name}.h5"), params.analyses.explore
    looks = {
        run: look_at(run, params) for run, item in params.runs.items() if item.dataset == name
    }
    truth = read_truth(data, "train") if looks else None
    wrong, right = (truth.mislabelled, truth.labels) if truth else (None, None)
    files = read_names(data, "train") if looks else ()
    parts = report.run_parts(looks, files, mislabelled=wrong, true_labels=right)
    write_json(Path(f"metrics/explore/{name}.json"), report.explore_metrics(parts))
    write_table(CANDIDATES, name, report.all_candidates(parts))
    page = report.render_without_runs(name)
    if looks:
        selection = select_of_runs(
            list(looks.values()),
            n_train=options.train_images,
            n_pictured=options.neighbor_images,
            seed=options.seed,
        )
        about = report.About(
            dataset=name,
            generated=read_metadata(data).generated,
            split=params.analyses.performance.split,
            embedding=options.embedding.name,
            table=CANDIDATES.path_of(name).name,
        )
        pictures = read_pictures(data, about.split, selection, truth, thumbnail=options.thumbnail)
        vega = find_vega(VEGA_PAGE.read_text(encoding="utf-8"))
        page = report.render_explore(about, selection, pictures, parts, vega=vega)
    write_text(Path(f"plots/explore/{name}.html"), page)


def look_at(run: str, params: Params) -> Look:
    """Analyse one run's features."""
    options, kinds = params.analyses.explore, params.analyses.archetypes
    split, decision = params.analyses.performance.split, params.analyses.labels.decision
    path = Path(f"data/dumps/features/{run}.h5")
    dump = read_features(path, sorted({"train", split}), decision=decision)
    train, unseen = dump.splits["train"], dump.splits[split]
    require_neighbors("archetypes.n_neighbors", kinds.n_neighbors, len(train.index))
    points = choose_points(
        unseen.classes,
        dump.class_counts,
        # training images are points of their own
        n_points=0 if split == "train" else options.evaluation_images,
        seed=options.seed,
    )
    found = explore(
        *(train.features, train.targets, train.classes, train.scores, unseen.features[points]),
        lay_out=choose_plane(options.embedding, n_train=len(train.index)),
        n_candidates=options.label_errors,
        **kinds.model_dump(),
    )
    return Look(
        loss=params.runs[run].loss.name,
        names=dump.class_names,
        targets=train.targets,
        train=Seen(train.classes, train.predictions, train.index),
        evaluation=Seen(unseen.classes, unseen.predictions, unseen.index),
        points=points,
        found=found,
    )


def choose_plane(
    options: Pca | Umap, *, n_train: int
) -> Callable[[np.ndarray, np.ndarray], Plane]:
    """Return what places images on a plane, in the way that was chosen."""
    match options:
        case Pca():
            return principal_plane
        case Umap():
            key = "explore.embedding.n_neighbors"
            require_neighbors(key, options.n_neighbors, n_train)
            return partial(umap_plane, **options.model_dump(exclude={"name"}))
        case _:
            assert_never(options)


def read_pictures(
    data: Path, split: str, selection: Selection, truth: Truth | None, *, thumbnail: int
) -> report.Pictures:
    """Read what the page shows of the images themselves."""
    pictured = selection.pictured
    of_train = read_images(data, "train", np.concatenate([pictured.train, pictured.further]))
    of_evaluation = read_images(data, split, selection.evaluation)
    names, others = read_names(data, "train"), read_names(data, split)
    planted = np.full(len(names), -1)
    if truth:
        planted[truth.mislabelled] = truth.labels[truth.mislabelled]
    return report.Pictures(
        names=selection.merge(names, others),
        planted=selection.merge(planted.tolist(), [-1] * len(others)),
        sprite=make_sprite(pictured.merge(of_train, of_evaluation), thumbnail=thumbnail),
    )


if __name__ == "__main__":
    run_stage(main)
