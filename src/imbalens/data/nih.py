"""NIH ChestX-ray14 as it is shipped, or a part of it.

Images lie in `images/`, in `images_001/images/` to `images_012/images/`, or right in the root
folder, and are square. Tables and official lists may lie beside them; see `nih_tables` and
`nih_splits`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from imbalens.data.group_splits import draw_groups
from imbalens.data.image_table import ImageTable, open_images
from imbalens.data.nih_boxes import boxes_of
from imbalens.data.nih_splits import boxed_patients, read_lists
from imbalens.data.nih_tables import Tables, label_matrix, label_names, read_tables
from imbalens.data.source import Source
from imbalens.errors import InputError
from imbalens.params.paths import expand_path
from imbalens.params.sources import Nih

NAMED = 3  # absent images named in a message


def open_nih(params: Nih, image_size: int, *, bits: int | None = None) -> Source:
    """List the images that are there; files are decoded when they are read.

    Splits are those of the official lists where there are some, else by patients of the whole
    table, so that a patient is on the same side whichever images are there. Images are in the
    order of the table. The facts count the images of each split that are `absent`, those there
    that no list names (`unlisted`) and those that the table lacks (`unknown`); they are printed.

    Args:
        params: Root folder, task and split.
        image_size: Side in pixels that images are resized to and that boxes are scaled to.
        bits: Of 16-bit grey, how many of each value are used; None to look.

    Raises:
        InputError: if root, tables, lists or images are missing or not as they must be.
    """
    root = expand_path(params.root)
    if not root.is_dir():
        raise InputError(
            f"{root}: folder not found; it is source.root, by default $IMBALENS_NIH_ROOT; run: "
            "export IMBALENS_NIH_ROOT=<folder with images/>"
        )
    tables = read_tables(root)
    files = _list_files(root)
    there = np.array([name in files for name in tables.names], dtype=bool)
    if not there.any():
        raise InputError(
            f"{root}: found {len(files)} PNG files, none of them an image of the table of "
            f"{tables.origin}; images belong in images/, images_001/images/ ... or right in here"
        )
    rows, split_by = _split_rows(root, tables, params)
    facts = {
        "tables": tables.origin,
        "split_by": split_by,
        "absent": {split: int((~there[part]).sum()) for split, part in rows.items()},
        "unlisted": int(np.delete(there, np.concatenate(list(rows.values()))).sum()),
        "unknown": len(files) - int(there.sum()),
    }
    _report(root, facts)
    _check_complete(root, params, tables, rows, there)
    present = {split: part[there[part]] for split, part in rows.items()}
    return open_images(
        _tabulate(root, tables, files, params, there, image_size),
        {split: (np.cumsum(there) - 1)[part] for split, part in present.items()},
        label_names(params.task),
        image_size,
        resize="squash",
        bits=bits,
        channels=1,
        formats=("PNG",),
        square=True,
        task=params.task.name,
        facts=facts,
    )


def _list_files(root: Path) -> dict[str, str]:
    """Return the paths of PNG files by name, that of the table also for a file called .PNG."""
    folders = [root, root / "images", *sorted(root.glob("images_[0-9][0-9][0-9]/images"))]
    files: dict[str, str] = {}
    for folder in filter(Path.is_dir, folders):
        for path in folder.iterdir():
            hidden = path.name.startswith(".")
            if hidden or path.suffix.lower() != ".png" or not path.is_file():
                continue
            name, within = f"{path.stem}.png", path.relative_to(root).as_posix()
            if name in files:
                raise InputError(f"{root}: found {files[name]} and {within}; leave one of them")
            files[name] = within
    return files


def _split_rows(
    root: Path, tables: Tables, params: Nih
) -> tuple[dict[str, Int[np.ndarray, "..."]], str]:
    """Return the rows of the table that are training and test images, and what split them."""
    listed = read_lists(root, tables)
    if listed:
        return dict(zip(("train", "test"), listed, strict=True)), "official lists"
    tested = draw_groups(
        tables.patients,
        share=params.split.test_share,
        seed=params.split.seed,
        first=boxed_patients(tables),
    )
    return {"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}, "patients"


def _report(root: Path, facts: Mapping[str, Any]) -> None:
    """Print what of the table, the lists and the folder does not go together."""
    counts = {
        "train images absent": facts["absent"]["train"],
        "test images absent": facts["absent"]["test"],
        "images that no list names": facts["unlisted"],
        "PNG files that the table lacks": facts["unknown"],
    }
    found = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    if found:
        print(f"{root}: {found} (split by {facts['split_by']})", file=sys.stderr)


def _check_complete(
    root: Path,
    params: Nih,
    tables: Tables,
    rows: Mapping[str, Int[np.ndarray, "..."]],
    there: Bool[np.ndarray, " n"],
) -> None:
    """Refuse absent images where all are required, and splits without any image."""
    absent = [tables.names[row] for part in rows.values() for row in part[~there[part]].tolist()]
    if params.require_complete and absent:
        raise InputError(
            f"{root}: {len(absent)} images are absent, such as {', '.join(absent[:NAMED])}; bring "
            "them, or set source.require_complete to false to go without"
        )
    for split, part in rows.items():
        if not there[part].any():
            raise InputError(
                f"{root}: found {there.sum()} images of the table but none of the {split} split; "
                "bring some of them, or change source.split where there are no lists"
            )


def _tabulate(
    root: Path,
    tables: Tables,
    files: Mapping[str, str],
    params: Nih,
    there: Bool[np.ndarray, " n"],
    size: int,
) -> ImageTable:
    """Return the images of the table that are there."""
    rows = np.flatnonzero(there)
    names = [tables.names[row] for row in rows.tolist()]
    return ImageTable(
        root,
        [files[name] for name in names],
        names,
        label_matrix(tables, params.task)[rows],
        groups=tables.patients[rows],
        group_texts=[*map(str, tables.patients[rows].tolist())],
        boxes=boxes_of(tables, params.task, rows, size=size),
        views=[tables.views[row] for row in rows.tolist()],
    )
