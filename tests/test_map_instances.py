"""Alignment at matched scale, and the tables per pair of an image and a class, from stages."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from imbalens.analysis.cam_alignment.alignment import MEASURES
from imbalens.analysis.cam_alignment.matched import MATCHED_MEASURES
from imbalens.analysis.common.boxes import shift_boxes
from imbalens.dumps.map_files import read_maps_about
from stages import concepts
from tests.map_cases import ALL, BCE, MATCHED_SHARE, SEED, experiment, read_cams, union_of
from tests.tiny import write_params


def slow_matched(cams, boxes, *, size, share):
    """Per pair: class, AUROC of its pixels, IoBB, IoR, IoU of those kept, whether none is."""
    pairs = sorted({(box[0], box[1]) for box in boxes.tolist()})
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(np.stack(cams))[:, None], (size, size), mode="bilinear"
    )[:, 0].numpy()
    rows = []
    for cam, (image, label) in zip(resized, pairs, strict=True):
        of_class = [other == label for _, other in pairs]
        kept = cam > np.quantile(resized[of_class].astype(float), 1 - share)
        mask = union_of(boxes, image, label, size)
        common, either = (kept & mask).sum(), (kept | mask).sum()
        ranking = roc_auc_score(mask.ravel(), cam.ravel()) if not mask.all() else np.nan
        ior = common / kept.sum() if kept.any() else 0
        rows.append((label, ranking, common / mask.sum(), ior, common / either, not kept.any()))
    return np.array(rows)


@pytest.mark.parametrize("name", ALL)
def test_matched_measures_are_those_of_the_dump_in_every_part(maps_folder, name):
    path = maps_folder / f"data/dumps/maps/{name}.h5"
    about = read_maps_about(path)
    text = (maps_folder / f"metrics/cam_alignment/{name}.json").read_text()
    found = json.loads(text)["matched"]
    shifted = shift_boxes(
        about.boxes, image_size=about.image_size, rng=np.random.default_rng(SEED)
    )
    trained, untrained = (read_cams(path, untrained=which) for which in (False, True))
    for part, cams, boxes in (
        (None, trained, about.boxes),
        ("untrained", untrained, about.boxes),
        ("shifted", trained, shifted),
    ):
        rows = slow_matched(cams, boxes, size=about.image_size, share=MATCHED_SHARE)
        figures = found if part is None else found[part]
        means = dict(zip(MATCHED_MEASURES, np.nanmean(rows[:, 1:], axis=0), strict=True))
        # few pixels tie but for rounding, and may fall on either side
        assert {key: figures[key] for key in means} == pytest.approx(means, abs=2e-3), part
        if part is None:
            for place in np.unique(rows[:, 0]).astype(int).tolist():
                own = rows[rows[:, 0] == place, 1:].mean(0)
                expected = dict(zip(MATCHED_MEASURES, own, strict=True))
                label = about.class_names[place]
                assert found["class"][label] == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("name", ALL)
def test_means_over_instances_are_the_metrics(maps_folder, name):
    table = pd.read_csv(maps_folder / f"data/instances/cam_alignment/{name}.csv")
    found = json.loads((maps_folder / f"metrics/cam_alignment/{name}.json").read_text())
    about = read_maps_about(maps_folder / f"data/dumps/maps/{name}.h5")
    pairs = np.unique(about.boxes[:, :2], axis=0)
    assert table["row"].tolist() == about.row[pairs[:, 0]].tolist()
    assert table["class"].tolist() == [about.class_names[label] for label in pairs[:, 1]]
    for label, own in [(None, table), *table.groupby("class")]:
        soft = found if label is None else found["class"][label]
        matched = found["matched"] if label is None else found["matched"]["class"][label]
        for measures, figures, suffix in (
            (MEASURES, soft, ""),
            (("auroc",), matched, ""),
            (("iobb", "ior", "iou", "empty"), matched, "_matched"),
        ):
            for measure in measures:
                assert own[f"{measure}{suffix}"].mean() == pytest.approx(figures[measure])


@pytest.mark.parametrize("normalize_by", ["image", "label"])
def test_concepts_of_instances_add_up_to_the_metrics(maps_workspace, normalize_by):
    values = experiment()
    values["analyses"]["concepts"]["normalize_by"] = normalize_by
    write_params(maps_workspace, values)
    concepts.main([BCE])
    found = json.loads(Path(f"metrics/concepts/{BCE}.json").read_text())
    table = pd.read_csv(f"data/instances/concepts/{BCE}.csv", keep_default_na=False)
    about = read_maps_about(Path(f"data/dumps/maps/{BCE}.h5"))
    of_image = table["class"] == ""
    assert table[of_image]["row"].tolist() == about.row.tolist()
    own = table[of_image == (normalize_by == "image")]
    for measure in ("disjoint", "unique"):
        assert own[measure].mean() == pytest.approx(found[measure])
        per_class = table[~of_image].groupby("class")[measure].mean()
        expected = {label: figures[measure] for label, figures in found["class"].items()}
        assert per_class.to_dict() == pytest.approx(expected)
