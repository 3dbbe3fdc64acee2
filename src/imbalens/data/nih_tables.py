"""The tables of NIH ChestX-ray14: labels, patients, views and boxes."""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
from jaxtyping import Float, Int, UInt8

from imbalens.classes import NO_FINDING
from imbalens.data.boxes import Boxes, collect_boxes
from imbalens.data.csv_tables import as_known, read_rows
from imbalens.data.label_columns import read_joined
from imbalens.errors import InputError
from imbalens.params.sources import Binary, Multilabel

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
UNHEALTHY = "Unhealthy"
BOX_UNITS = 1024  # boxes are in pixels of images of this side

ENTRIES = "Data_Entry_2017"
BOXES = "BBox_List_2017"
PATIENT = re.compile(r"[0-9]{1,18}")  # so that it fits into 64 bits
BOX_COLUMNS = ("Bbox [x", "y", "w", "h]")  # the file does not quote the comma of its header


@dataclass(frozen=True)
class Tables:
    """Images in the order of the table, and boxes in the order of the box list.

    Attributes:
        origin: Where they come from, for messages.
        names: File name of each image.
        labels: 1 where an image has a finding, in the order of `FINDINGS`; 0 elsewhere.
        patients: Patient of each image.
        views: View of each image: "PA" or "AP".
        box_images: Image of each box, as a row of the table.
        box_findings: Finding of each box, as a position in `FINDINGS`.
        boxes: x, y, width, height of each box in pixels of an image of `BOX_UNITS` squared.
    """

    origin: str
    names: tuple[str, ...]
    labels: UInt8[np.ndarray, "n m"]
    patients: Int[np.ndarray, " n"]
    views: tuple[str, ...]
    box_images: Int[np.ndarray, " b"]
    box_findings: Int[np.ndarray, " b"]
    boxes: Float[np.ndarray, "b 4"]


def read_tables(folder: Path | None) -> Tables:
    """Read a folder's own tables, or those that the package torchxrayvision holds.

    The folder's are `Data_Entry_2017*.csv` and `BBox_List_2017*.csv`, plain or with .gz. The
    package is found but not imported.

    Args:
        folder: Folder that may hold both tables; None for those of the package.

    Raises:
        InputError: if the tables are absent or malformed, naming file and line.
    """
    own = [_find_own(folder, stem) for stem in (ENTRIES, BOXES)] if folder else [None, None]
    match own:
        case [Path() as entries, Path() as boxes]:
            origin = entries.name
        case [None, None]:
            entries, boxes = _find_packaged()
            origin = "torchxrayvision"
        case _:
            found, missing = (ENTRIES, BOXES) if own[0] else (BOXES, ENTRIES)
            raise InputError(
                f"{folder}: found {found}*.csv without {missing}*.csv; put both there or neither"
            )
    names, labels, patients, views = _read_entries(entries)
    found = _read_boxes(boxes, {name: row for row, name in enumerate(names)})
    return Tables(origin, names, labels, patients, views, found.images, found.labels, found.xywh)


def label_names(task: Multilabel | Binary) -> tuple[str, ...]:
    """Return the name of each output."""
    match task:
        case Multilabel():
            return (*FINDINGS, NO_FINDING) if task.include_no_finding else FINDINGS
        case Binary():
            return (UNHEALTHY,)
        case _:
            assert_never(task)


def label_matrix(tables: Tables, task: Multilabel | Binary) -> UInt8[np.ndarray, "n m"]:
    """Return 1 where an image has a label and 0 elsewhere, labels as in `label_names`."""
    unhealthy = tables.labels.max(1, keepdims=True)
    match task:
        case Multilabel():
            healthy = [1 - unhealthy] if task.include_no_finding else []
            return np.hstack([tables.labels, *healthy])
        case Binary():
            return unhealthy
        case _:
            assert_never(task)


def _find_own(folder: Path, stem: str) -> Path | None:
    found = sorted({*folder.glob(f"{stem}*.csv"), *folder.glob(f"{stem}*.csv.gz")})
    if len(found) > 1:
        raise InputError(
            f"{folder}: found {', '.join(path.name for path in found)}; leave one of them"
        )
    return found[0] if found else None


def _find_packaged() -> tuple[Path, Path]:
    spec = importlib.util.find_spec("torchxrayvision")  # of the top level: nothing is imported
    if spec is None or spec.origin is None:
        raise InputError(
            "the package torchxrayvision, which holds the NIH tables, is not installed; run: "
            f"pip install torchxrayvision, or put {ENTRIES}*.csv and {BOXES}*.csv into root"
        )
    data = Path(spec.origin).parent / "data"
    return data / f"{ENTRIES}_v2020.csv.gz", data / f"{BOXES}.csv.gz"


def _read_entries(
    path: Path,
) -> tuple[tuple[str, ...], UInt8[np.ndarray, "n m"], Int[np.ndarray, " n"], tuple[str, ...]]:
    names: dict[str, str] = {}
    places: list[str] = []
    patients: list[int] = []
    views: list[str] = []
    columns = ("Image Index", "Finding Labels", "Patient ID", "View Position")
    for place, (name, texts, patient, view) in read_rows(path, columns):
        if name in names:
            raise InputError(f"{place}: found image {name!r} again; allowed: each image once")
        if not PATIENT.fullmatch(patient.strip()):
            raise InputError(
                f"{place}: found Patient ID {patient!r}; allowed: a whole number of "
                "at most 18 digits"
            )
        names[name] = texts
        places.append(place)
        patients.append(int(patient))
        views.append(view.strip())
    labels = read_joined(
        [*names.values()], places, separator="|", none=NO_FINDING, classes=FINDINGS
    )
    return tuple(names), labels.values, np.array(patients, dtype=np.int64), tuple(views)


def _read_boxes(path: Path, row_of: Mapping[str, int]) -> Boxes:
    index = {name: i for i, name in enumerate(FINDINGS)}
    index["Infiltrate"] = index["Infiltration"]  # as the box list calls it

    def find_image(place: str, name: str) -> int:
        image = as_known(name, row_of)
        if image not in row_of:
            raise InputError(
                f"{place}: found a box of {name!r}, an image that the table of labels lacks"
            )
        return row_of[image]

    return collect_boxes(
        read_rows(path, ("Image Index", "Finding Label", *BOX_COLUMNS)),
        find_image=find_image,
        label_of=index,
        sides_of=lambda *_: (BOX_UNITS, BOX_UNITS),
    )
