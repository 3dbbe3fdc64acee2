"""Images by a table through every stage: five findings, text ids, oblong JPEGs, boxes."""

import importlib
import json

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from imbalens.store.prepared import read_boxes, read_names
from tests.tiny import LABEL_RUNS, tiny_params, write_params

FINDINGS = ("Crack", "Moss", "Nest", "Rust", "Stain")
DATASET, SIZE = "phantom", (60, 40)  # width and height of the files
OF_RUNS = (
    "trained_code",
    "train",
    "dump_features",
    "dump_maps",
    "performance",
    "archetypes",
    "adversaries",
    "feature_overlap",
    "cam_alignment",
    "concepts",
)
OF_DATASETS = ("gather", "compare", "explore", "differences", "changes", "claims")


def lay_out(folder):
    """A bright rectangle for each finding, in a row of its own; patients of two images each."""
    rng = np.random.default_rng(0)
    rows, boxes = ["path,findings,patient"], ["path,label,x,y,w,h"]
    coco = {"images": [], "annotations": [], "categories": []}
    coco["categories"] = [{"id": 10 + i, "name": name} for i, name in enumerate(FINDINGS)]
    (folder / "in").mkdir(parents=True)
    for i in range(64):
        image, path = Image.new("RGB", SIZE, "gray"), f"in/{i:02}.jpg"
        draw, has = ImageDraw.Draw(image), rng.random(len(FINDINGS)) < 0.4
        coco["images"].append({"id": i, "file_name": path, "width": SIZE[0], "height": SIZE[1]})
        for label in np.flatnonzero(has).tolist():
            x, y, w, h = 5 + int(rng.integers(30)), 8 * label, 20, 8
            draw.rectangle((x, y, x + w - 1, y + h - 1), fill="white")
            boxes.append(f"{path},{FINDINGS[label]},{x},{y},{w},{h}")
            box = {"image_id": i, "category_id": 10 + label, "bbox": [x, y, w, h]}
            coco["annotations"].append(box | {"id": len(boxes)})
        image.save(folder / path, quality=95)
        found = "|".join(np.array(FINDINGS)[has].tolist()) or "nothing"
        rows.append(f"{path},{found},patient-{chr(97 + i // 2 % 26)}{i // 52}")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "boxes.csv").write_text("\n".join(boxes), encoding="utf-8")
    (folder / "boxes.json").write_text(json.dumps(coco), encoding="utf-8")


def experiment(root, kind):
    values = tiny_params(LABEL_RUNS)
    boxes = {"xywh": "boxes.csv", "coco": "boxes.json"}[kind]
    values["datasets"][DATASET]["source"] = {
        "name": "table",
        "root": str(root),
        "table": "labels.csv",
        "images": {"kind": "files"},
        "labels": {"kind": "joined", "column": "findings", "none": "nothing"},
        "split": {"kind": "share", "test_share": 0.3, "seed": 0},
        "group": "patient",
        "boxes": {"kind": kind, "file": boxes},
        "digest": None,
    }
    return values


def run(stage, *names):
    importlib.import_module(f"stages.{stage}").main([*names])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    lay_out(folder / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params(folder, experiment(folder / "source", "xywh"))
        run("check")
        run("prepare", DATASET)
        for name in LABEL_RUNS:
            for stage in OF_RUNS:
                run(stage, name)
        for stage in OF_DATASETS:
            run(stage, DATASET)
        run("summary")
        run("report")
        run("focus")
    return folder


def test_every_stage_tells_of_the_findings(folder):
    data = folder / f"data/prepared/{DATASET}.h5"
    with h5py.File(data) as file:
        assert file.attrs["class_names"].tolist() == list(FINDINGS)
        assert file["test/images"].shape[1:] == (32, 32, 3)
        groups = [{*file[f"{split}/patients"][:].tolist()} for split in ("train", "test")]
    assert groups[0]
    assert not groups[0] & groups[1]
    rows = pd.read_csv(folder / "source/labels.csv", index_col="path")["patient"]
    sides = [{*rows[list(read_names(data, split))]} for split in ("train", "test")]
    assert not sides[0] & sides[1]
    assert len(sides[0]) + len(sides[1]) == rows.nunique()
    aligned = pd.read_csv(folder / f"plots/cam_alignment/{LABEL_RUNS[0]}.csv")
    assert {*FINDINGS} <= {*aligned.astype(str).to_numpy().ravel()}
    page = (folder / "plots/report.html").read_text(encoding="utf-8")
    assert all(name in page for name in FINDINGS)
    assert json.loads((folder / "metrics/focus.json").read_text(encoding="utf-8"))


def test_boxes_are_around_what_was_drawn(folder):
    data = folder / f"data/prepared/{DATASET}.h5"
    with h5py.File(data) as file:
        images = file["test/images"][:].mean(axis=3)
    boxes = read_boxes(data, "test")
    assert {*boxes[:, 1].tolist()} == {*range(5)}
    for row, _, x, y, w, h in boxes.tolist():
        inside = images[row, y + 1 : y + h - 1, x + 1 : x + w - 1]
        assert inside.mean() > 200 > 160 > np.median(images[row])


def test_a_file_as_of_coco_gives_the_same_images_to_every_stage(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, experiment(folder / "source", "coco"))
    run("check")
    run("prepare", DATASET)
    prepared = [place / f"data/prepared/{DATASET}.h5" for place in (folder, tmp_path)]
    assert prepared[0].read_bytes() == prepared[1].read_bytes()
