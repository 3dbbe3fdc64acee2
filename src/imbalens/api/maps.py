"""Questions about images, saliency and maps: each makes the call that its stage makes.

Options have the values of analyses.yaml, and arrays the forms that `imbalens.api.features` says.
"""

from __future__ import annotations  # help() then shows types by name

from collections.abc import Iterable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from imbalens.analysis import saliency_colours as of_colours
from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.cam_alignment import cam_alignment as of_alignment
from imbalens.analysis.concepts import concepts as of_concepts
from imbalens.analysis.concepts.components import Connectivity
from imbalens.api.answer import Answer, question
from imbalens.api.given import (
    require_same_images,
    take_boxes,
    take_integers,
    take_labels,
    take_numbers,
)
from imbalens.classes import count_members
from imbalens.errors import InputError
from imbalens.reports import saliency_colours as colours_report
from imbalens.reports.cam_alignment import tables as alignment_report
from imbalens.reports.concepts import figures
from imbalens.reports.concepts import tables as concepts_report

MAPS = "images channels height width"


@question
def saliency_colours(
    images: ArrayLike,
    saliency: ArrayLike,
    labels: ArrayLike,
    archetypes: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    fraction: float = 0.1,
) -> Answer[of_colours.Colours]:
    """Name the colours of the pixels that a network's decisions depend on most.

    Args:
        images: Training images, "images height width 3": red, green and blue from 0 to 255.
        saliency: How salient each pixel is, "images height width", the larger the more.
        labels: One label per image.
        archetypes: Archetype of each image, as a word or as the code that `archetypes` gives it.
        names: Names of the classes.
        fraction: Part of an image's pixels that is salient.

    Returns:
        Table `colours`: one row per class, archetype and group of colours.
    """
    values = take_numbers("saliency", saliency, "images height width")
    pixels = take_integers("images", images, "images height width 3", below=256)
    n_pixels = int(np.prod(values.shape[1:]))
    if pixels.shape != (*values.shape, 3):
        raise InputError(
            "images must be of the shape of saliency and 3; "
            f"found images {list(pixels.shape)}, saliency {list(values.shape)}"
        )
    named, (own,) = take_labels(names, labels=labels)
    if own.ndim != 1:
        raise InputError("labels must be one per image; colours are not told for several")
    _, (kinds,) = take_labels(ARCHETYPE_NAMES, archetypes=archetypes)
    require_same_images(images=pixels, labels=own, archetypes=kinds)
    order = np.argsort(-values.reshape(-1, n_pixels), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1).reshape(values.shape).astype(np.uint32)
    found = of_colours.colours(
        *(pixels.astype(np.uint8, copy=False), ranks, own, kinds),
        n_classes=len(named),
        fraction=fraction,
    )
    counts, report = count_members(own, n_classes=len(named)), colours_report
    tables = {"colours": partial(report.colour_table, found.tables, named, counts)}
    return Answer(found, named, partial(report.colour_metrics, found, named), tables)


@question
def cam_alignment(
    maps: ArrayLike,
    head: ArrayLike,
    boxes: ArrayLike,
    *,
    image_size: int,
    cams: ArrayLike | None = None,
    untrained_cams: ArrayLike | None = None,
    names: Iterable[str] | None = None,
    relu: bool = True,
    normalize_before_resize: bool = False,
    threshold: float | None = None,
    shift_seed: int = 0,
    matched_share: float = 0.1,
) -> Answer[of_alignment.CamAlignment]:
    """Measure how well class activation maps agree with boxes, beside controls.

    Args:
        maps: Maps of the last convolutional layer, "images channels height width".
        head: Weights of the linear head, "classes channels".
        boxes: Row of the image, class, x, y, width, height in pixels of each box, "boxes 6".
        image_size: Side of the images in pixels.
        cams: Grad-CAM of each pair of an image and a class that has boxes,
            sorted, "pairs height width", where the head is not applied to the maps' means; None
            for class activation maps.
        untrained_cams: The same of the network with random weights; None for no such control.
        names: Names of the classes.
        relu: Whether negative evidence is cut off.
        normalize_before_resize: Whether maps are brought to 0..1 before they are resized.
        threshold: Where maps are cut for the hard measures; None for none of these.
        shift_seed: Of the places to which boxes are moved as a control.
        matched_share: Share of a class's pixels kept at matched scale.

    Returns:
        Tables `classes`, `pairs` (per image and class that has a box).
    """
    values, weights = (
        take_numbers("maps", maps, MAPS),
        take_numbers("head", head, "classes channels"),
    )
    if cams is None and weights.shape[1] != values.shape[1]:
        raise InputError(
            f"head must have the {values.shape[1]} channels of maps, found {weights.shape[1]}"
        )
    sizes = {"n_images": len(values), "n_classes": len(weights)}
    placed, named = take_boxes(boxes, names, image_size=image_size, **sizes)
    given, random = (
        None if each is None else take_numbers(name, each, "pairs height width")
        for name, each in (("cams", cams), ("untrained_cams", untrained_cams))
    )
    found = of_alignment.cam_alignment(
        *([(slice(0, len(values)), values)], weights, placed),
        cams=given,
        untrained_cams=random,
        image_size=image_size,
        relu=relu,
        normalize_before_resize=normalize_before_resize,
        threshold=threshold,
        matched_share=matched_share,
        shift_seed=shift_seed,
    )
    report = alignment_report
    tables = {
        "classes": partial(report.alignment_table, found, named),
        "pairs": partial(report.instance_table, found.pairs, named, found),
    }
    return Answer(found, named, partial(report.alignment_metrics, found, named), tables)


@question
def concepts(
    maps: ArrayLike,
    boxes: ArrayLike,
    *,
    image_size: int,
    q: float,
    names: Iterable[str] | None = None,
    threshold_scope: Literal["dataset", "batch"] = "dataset",
    batch_size: int = 64,
    space: Literal["native", "upsampled"] = "native",
    component: Literal["whole", "clipped"] = "whole",
    connectivity: Connectivity = 8,
    count_holes: bool = False,
    normalize_by: Literal["image", "label"] = "image",
) -> Answer[of_concepts.Concepts]:
    """Count the concepts in boxes: connected parts of a channel above its threshold.

    Args:
        maps: Maps of a convolutional layer, "images channels height width".
        boxes: Row of the image, class, x, y, width, height in pixels of each box, "boxes 6".
        image_size: Side of the images in pixels.
        q: Share of a channel's values above its threshold.
        names: Names of the classes.
        threshold_scope: Whether thresholds are over all images, or over each batch.
        batch_size: Images per batch.
        space: Whether maps are taken as they are, or resized to the image.
        component: Whether a part counts as it is, or cut off at the boxes.
        connectivity: Whether cells that share only a corner belong to one part (8) or not (4).
        count_holes: Whether the holes of a part count too.
        normalize_by: Whether means are over images, or over pairs of an image and a class.

    Returns:
        Tables `classes`, `channels`, `counts` (per image with boxes, and per pair).
    """
    values = take_numbers("maps", maps, MAPS)
    if batch_size < 1:
        raise InputError(f"batch_size: found {batch_size}; allowed: from 1")
    sizes = {"image_size": image_size, "n_images": len(values)}
    placed, named = take_boxes(boxes, names, n_classes=None, **sizes)
    found = of_concepts.concepts(
        *([(0, values)], placed),
        n_images=len(values),
        n_channels=values.shape[1],
        n_classes=len(named),
        image_size=image_size,
        q=q,
        threshold_scope=threshold_scope,
        batch_size=batch_size,
        space=space,
        component=component,
        connectivity=connectivity,
        count_holes=count_holes,
        normalize_by=normalize_by,
        n_peaks=figures.IMAGES_SHOWN,
        n_top=figures.CHANNELS_SHOWN,
    )
    rows, report = np.arange(len(values)), concepts_report
    tables = {
        "classes": partial(report.concept_table, found.summary, named),
        "channels": partial(report.channel_table, found.counts, named),
        "counts": partial(report.instance_table, found.counts, rows, named),
    }
    return Answer(found, named, partial(report.concept_metrics, found.summary, named), tables)
