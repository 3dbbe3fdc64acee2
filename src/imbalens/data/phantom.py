"""Generated chest images with real labels: the embedded dataset with several labels per image.

Labels, patients, views and boxes are those of a seeded sample of the NIH table, so that their
imbalance and the boxes are real. The pixels are drawn: each finding in its box where the list has
one, at a plausible seeded place elsewhere. Every image has a seed of its own: it does not depend
on how many others there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.group_splits import draw_groups
from imbalens.data.nih_boxes import boxes_of, scale_boxes
from imbalens.data.nih_splits import boxed_patients
from imbalens.data.nih_tables import (
    BOX_UNITS,
    FINDINGS,
    Tables,
    label_matrix,
    label_names,
    read_tables,
)
from imbalens.data.phantom_drawing import draw_chests
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.sources import Multilabel, PhantomCxr

MIDDLE = 522  # where chests are centred, in pixels of the list's images
RESIZED = (0.8, 1.25)  # a placed box, relative to its usual size
ANATOMY, DRAWING, PLACING, SAMPLING = range(4)  # last word of seeds, so that numbers differ
EACH_FINDING = Multilabel(name="multilabel", include_no_finding=False)


@dataclass(frozen=True)
class Place:
    """Where a finding without a box usually is, in pixels of the list's images.

    Attributes:
        width: Of the box; the list's median where the finding is in it.
        height: Likewise.
        aside: Centre, left or right of the chest's middle.
        down: Centre, below the image's top.
        wander: Largest shift across and down.
    """

    width: int
    height: int
    aside: int
    down: int
    wander: int


PLACES = {
    "Atelectasis": Place(171, 118, 205, 585, 70),
    "Cardiomegaly": Place(478, 382, 0, 585, 25),
    "Consolidation": Place(220, 210, 195, 520, 90),
    "Edema": Place(520, 330, 0, 490, 25),
    "Effusion": Place(208, 277, 250, 610, 30),
    "Emphysema": Place(740, 640, 0, 430, 20),
    "Fibrosis": Place(240, 270, 205, 530, 80),
    "Hernia": Place(150, 140, 15, 680, 30),
    "Infiltration": Place(228, 265, 170, 535, 80),
    "Mass": Place(120, 141, 190, 450, 110),
    "Nodule": Place(70, 68, 210, 450, 130),
    "Pleural_Thickening": Place(90, 330, 320, 460, 30),
    "Pneumonia": Place(229, 275, 185, 560, 70),
    "Pneumothorax": Place(201, 206, 210, 260, 50),
}


def open_phantom(params: PhantomCxr, image_size: int) -> Source:
    """Choose the sample; images are drawn when they are read.

    Args:
        params: Task, numbers of images and seed.
        image_size: Side in pixels.

    Raises:
        InputError: if the table has fewer images than are asked for.
    """
    tables = read_tables(None)
    train, test = choose_sample(
        tables,
        train_images=params.train_images,
        test_images=params.test_images,
        seed=params.seed,
    )
    annotated = np.isin(test, tables.box_images)
    return Source(
        place="phantom_cxr",
        class_names=label_names(params.task),
        train=_open_split(params, tables, train, image_size),
        test=_open_split(params, tables, test, image_size),
        task=params.task.name,
        channels=1,
        facts={
            "generated": "the pixels; labels, patients, views and boxes are of the NIH table",
            "test_images_with_boxes": int(annotated.sum()),
        },
    )


def choose_sample(
    tables: Tables, *, train_images: int, test_images: int, seed: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " e"]]:
    """Draw training and test images, as rows of the table, ascending.

    Patients are split first, as many to test as keep the ratio of the numbers asked for and all
    that have a box. Half of the test images, rounded down, are drawn among those with boxes, as
    far as there are any, and the rest among those without.

    Args:
        tables: Images, patients and boxes.
        train_images: Training images to draw.
        test_images: Test images to draw.
        seed: Seed of the split and of the draws.

    Raises:
        InputError: if there are fewer than that.
    """
    tested = draw_groups(
        tables.patients,
        share=test_images / (train_images + test_images),
        seed=seed,
        first=boxed_patients(tables),
    )
    annotated = np.isin(np.arange(len(tables.names)), tables.box_images)
    rng = np.random.default_rng([seed, SAMPLING])
    n_annotated = min(test_images // 2, int((tested & annotated).sum()))
    train = _draw(rng, ~tested, train_images, "train_images")
    with_boxes = _draw(rng, tested & annotated, n_annotated, "test_images")
    without = _draw(rng, tested & ~annotated, test_images - n_annotated, "test_images")
    return train, np.sort(np.concatenate([with_boxes, without]))


def _draw(
    rng: np.random.Generator, allowed: Bool[np.ndarray, " n"], count: int, parameter: str
) -> Int[np.ndarray, " k"]:
    rows = np.flatnonzero(allowed)
    if count > len(rows):
        raise InputError(
            f"datasets.<name>.source.{parameter}: needs {count} images of the NIH table where "
            f"there are {len(rows)}; ask for fewer"
        )
    return np.sort(rng.choice(rows, count, replace=False))


def _open_split(
    params: PhantomCxr, tables: Tables, rows: Int[np.ndarray, " n"], size: int
) -> SourceSplit:
    patients, is_ap = tables.patients[rows], np.array([tables.views[row] == "AP" for row in rows])

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 1"]:
        return draw_chests(
            find_places(tables, rows[positions], seed=params.seed, size=size),
            is_ap[positions],
            np.array([(params.seed, patient, ANATOMY) for patient in patients[positions]]),
            np.array([(params.seed, row, DRAWING) for row in rows[positions]]),
            size,
        )

    def read_boxes(positions: Int[np.ndarray, " k"]) -> Int[np.ndarray, "b 6"]:
        return boxes_of(tables, params.task, rows[positions], size=size)

    return SourceSplit(
        labels=label_matrix(tables, params.task)[rows],
        names=[f"{tables.names[row]} (generated)" for row in rows],
        read=read,
        boxes=read_boxes,
        patients=patients,
        views=[tables.views[row] for row in rows],
    )


def find_places(
    tables: Tables, rows: Int[np.ndarray, " k"], *, seed: int, size: int
) -> Int[np.ndarray, "b 6"]:
    """Return where each finding of some images is drawn: in its boxes, or at a place drawn for it.

    Args:
        tables: Labels and boxes.
        rows: Images, as rows of the table.
        seed: The dataset's seed.
        size: Side of the images in pixels.

    Returns:
        Which of `rows`, finding as a position in `FINDINGS`, and x, y, w, h in pixels.
    """
    in_list = boxes_of(tables, EACH_FINDING, rows, size=size)
    lacking = tables.labels[rows].astype(bool)
    lacking[in_list[:, 0], in_list[:, 1]] = False
    usual = [PLACES[name] for name in FINDINGS]
    which, findings = np.nonzero(lacking)
    numbers = [np.random.default_rng([seed, row, PLACING]).random((len(usual), 5)) for row in rows]
    boxes = [
        _place(usual[finding], numbers[row][finding].tolist())
        for row, finding in zip(which, findings, strict=True)
    ]
    placed = scale_boxes(np.array(boxes, dtype=np.float64).reshape(-1, 4), size=size)
    return np.concatenate([in_list, np.column_stack([which, findings, placed])])


def _place(place: Place, numbers: Sequence[float]) -> tuple[float, float, float, float]:
    """Return x, y, w, h in pixels of the list's images, inside them."""
    left_or_right, across, down, wider, higher = numbers
    smallest, largest = RESIZED
    w = place.width * (smallest + (largest - smallest) * wider)
    h = place.height * (smallest + (largest - smallest) * higher)
    aside = place.aside if left_or_right < 0.5 else -place.aside
    x = MIDDLE + aside + place.wander * (2 * across - 1) - w / 2
    y = place.down + place.wander * (2 * down - 1) - h / 2
    return min(max(x, 0.0), BOX_UNITS - w), min(max(y, 0.0), BOX_UNITS - h), w, h
