"""Tiny folders laid out as NIH ships ChestX-ray14."""

import gzip

import numpy as np
from PIL import Image

# as in the older table: the commas within the last headers are not quoted, the last is empty
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
ENTRIES = (
    ("00000001_000.png", "Cardiomegaly|Emphysema", 1, "PA"),
    ("00000001_001.png", "No Finding", 1, "AP"),
    ("00000002_000.png", "No Finding", 2, "PA"),
    ("00000003_000.png", "Infiltration", 3, "AP"),
    ("00000003_001.png", "Effusion|Infiltration|Mass", 3, "PA"),
    ("00000004_000.png", "Hernia", 4, "PA"),
)
BOXES = (
    ("00000003_001.png", "Infiltrate", 0, 0, 512, 512),
    ("00000004_000.png", "Effusion", 100.5, 200, 64, 32.25),
    ("00000003_001.png", "Mass", 1000, 1000, 24, 24),
)
TRAIN = ("00000001_000.png", "00000001_001.png", "00000002_000.png")
TEST = ("00000003_000.png", "00000003_001.png", "00000004_000.png")


def write_tables(folder, entries=ENTRIES, boxes=BOXES, suffix=".csv"):
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "Data_Entry_2017": [
            ENTRY_HEADER,
            *(
                f"{name},{labels},0,{who},58,M,{view},9,9,.1,.1,"
                for name, labels, who, view in entries
            ),
        ],
        "BBox_List_2017": [BOX_HEADER, *(",".join(map(str, box)) + ",,," for box in boxes)],
    }
    for name, lines in texts.items():
        text = "\r\n".join(lines) + "\r\n"
        with (gzip.open if suffix.endswith("gz") else open)(
            folder / f"{name}{suffix}", "wt", newline=""
        ) as file:
            file.write(text)
    return folder


def write_lists(folder, train=TRAIN, test=TEST):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_val_list.txt").write_text(
        "\n".join(train), encoding="utf-8"
    )  # as shipped: no last line end
    (folder / "test_list.txt").write_text("\n".join(test), encoding="utf-8")
    return folder


def write_image(path, value=0, size=32):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size), value, dtype=np.uint8)).save(path)


def write_images(folder, names=TRAIN + TEST, size=32):
    """Write images whose grey value is ten times their position in the table."""
    order = [name for name, *_ in ENTRIES]
    for name in names:
        write_image(folder / name, 10 * order.index(name), size)
    return folder
