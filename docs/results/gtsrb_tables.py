"""Write tables for the source `table` beside GTSRB: labels.csv, tracks.csv and boxes.csv.

    python docs/results/gtsrb_tables.py $IMBALENS_GTSRB

The folder holds annotations.csv: path (within it), split (train or test), label (0 to 42), group
(track; empty for test images), and the sign's box x, y, w, h in pixels of the image before it was
resized to 32 x 32. How large that was it does not say. By the benchmark's rule there is a border
of a tenth of the sign, at least 5 pixels, on each side: so it was 2x + w by 2y + h, to about a
pixel. Where the border on the left or above is smaller, the photograph ended: no box is written.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

SIDE = 32  # pixels of an image as stored
MIN_BORDER = 5  # pixels of an image before it was resized
BORDER_SHARE = 0.1  # of the sign
# fmt: off
NAMES = [
    "limit 20", "limit 30", "limit 50", "limit 60", "limit 70", "limit 80", "end of limit 80",
    "limit 100", "limit 120", "no passing", "no passing by trucks", "right of way",
    "priority road", "yield", "stop", "no vehicles", "no trucks", "no entry", "danger",
    "curve left", "curve right", "double curve", "bumpy road", "slippery", "narrow on the right",
    "road works", "traffic lights", "pedestrians", "children", "bicycles", "ice or snow",
    "wild animals", "end of limits", "turn right", "turn left", "ahead", "ahead or right",
    "ahead or left", "keep right", "keep left", "roundabout", "end of no passing",
    "end no passing trucks",
]
# fmt: on


def main(root: Path) -> None:
    """Write the tables into `root`; tracks.csv is of the training images alone."""
    with (root / "annotations.csv").open(encoding="utf-8", newline="") as file:
        images = list(csv.DictReader(file))
    labels = [f"{int(image['label']):02} {NAMES[int(image['label'])]}" for image in images]
    rows = [
        (image["path"], image["split"], label, image["group"])
        for image, label in zip(images, labels, strict=True)
    ]
    write(root / "labels.csv", ("path", "split", "label", "track"), rows)
    tracked = [row for row in rows if row[1] == "train"]
    write(root / "tracks.csv", ("path", "split", "label", "track"), tracked)
    boxes = [
        (image["path"], label, *box)
        for image, label in zip(images, labels, strict=True)
        if (box := rebuild(*(float(image[name]) for name in "xywh")))
    ]
    write(root / "boxes.csv", ("path", "label", "x", "y", "w", "h"), boxes)


def rebuild(x: float, y: float, w: float, h: float) -> tuple[float, ...] | None:
    """Return the box in pixels of the stored image; None where the border tells no size."""
    if any(
        border + 0.5 < max(MIN_BORDER, BORDER_SHARE * sign) for border, sign in ((x, w), (y, h))
    ):
        return None
    across, down = SIDE / (2 * x + w), SIDE / (2 * y + h)
    return tuple(round(value, 3) for value in (x * across, y * down, w * across, h * down))


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
