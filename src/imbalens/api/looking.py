"""The page to look at images with, of features that users give."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.analysis.explore.embedding import principal_plane
from imbalens.analysis.explore.explore import explore
from imbalens.api.analysis import Told, file_of
from imbalens.api.outputs import Outputs, Part
from imbalens.data.decoding import Decoding
from imbalens.reports.explore import page as report
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.pictures import Selection, choose_points, select_of_runs
from imbalens.reports.explore.sprite import Sprite, make_sprite
from imbalens.reports.explore.values import About, Pictures
from imbalens.tables.explore import CANDIDATES


def tell_explore(
    given: Outputs,
    *,
    title: str,
    train_images: int,
    evaluation_images: int,
    neighbor_images: int,
    thumbnail: int,
    seed: int,
    n_candidates: int,
    many_above: int,
    few_below: int,
    **cuts: int,
) -> tuple[Told, str]:
    """List labels in doubt and make the page, as stage `explore` does; see `imbalens.analyze`.

    Returns:
        What was found, and the page as HTML.
    """
    train, evaluation = given.train, given.evaluation
    points = choose_points(
        evaluation.classes, given.class_counts, n_points=evaluation_images, seed=seed
    )
    found = explore(
        *(train.features, train.targets, train.classes, train.scores),
        evaluation.features[points],
        lay_out=principal_plane,
        n_candidates=n_candidates,
        **cuts,
    )
    look = Look(None, given.class_names, train, evaluation, points, found)
    selection = select_of_runs([look], n_train=train_images, n_pictured=neighbor_images, seed=seed)
    names = given.names(train), given.names(evaluation)
    parts = report.run_parts({title: look}, names[0], None)
    about = About(
        dataset=title,
        generated=False,
        split=given.split,
        embedding="pca",
        table=f"tables/{file_of(CANDIDATES)}.csv",
        report=None,
        many_above=many_above,
        few_below=few_below,
    )
    pictures = Pictures(
        names=selection.merge(*names),
        planted=[-1] * selection.size,
        sprite=_make_sprite(given, selection, thumbnail=thumbnail),
    )
    opening = report.choose_opening({title: look}, {title: title}, first=title)
    page = report.render_explore(about, opening, selection, pictures, parts, {})
    table = (CANDIDATES, report.all_candidates(parts))
    return Told(report.explore_metrics(parts), (table,)), page


def _make_sprite(given: Outputs, selection: Selection, *, thumbnail: int) -> Sprite | None:
    """Put the files of a page's images into one picture; None where there are no files."""
    if given.about.paths is None:
        return None
    shown, decoding = selection.pictured, Decoding(size=thumbnail, resize="pad")
    of_train = np.concatenate([shown.train, shown.further])
    images = shown.merge(
        _read(given, given.train, of_train, decoding),
        _read(given, given.evaluation, shown.evaluation, decoding),
    )
    return make_sprite(images, thumbnail=thumbnail)


def _read(
    given: Outputs, part: Part, rows: Int[np.ndarray, " k"], decoding: Decoding
) -> Mapping[int, UInt8[np.ndarray, "s s 3"]]:
    paths, index = given.about.paths or [], part.index.tolist()
    return {row: decoding.read(paths[index[row]]) for row in rows.tolist()}
