"""What repeats the results of other stages: settings side by side, sample images."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from imbalens.dumps.map_files import read_maps_about
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.reading.examples import read_cam_examples
from imbalens.reports.common.sampling import choose_samples
from imbalens.reports.prepare import MAX_SAMPLES
from imbalens.store.prepared import read_boxes, read_examples, read_pairs, read_split
from stages import compare
from tests.map_cases import BCE, CE, DATASETS, LDAM, experiment, write_metrics
from tests.tiny import RUNS, write_params

OF_CE, OF_LDAM = (run.replace("-", "/", 1) for run in RUNS)


@pytest.mark.usefixtures("maps_workspace")
def test_the_table_of_settings_repeats_the_metrics_of_those_trained_once():
    compare.main(["planted"])
    table = pd.read_csv("plots/compare/planted.csv").set_index("setting")
    assert list(table.index) == [OF_CE, OF_LDAM]
    assert table.loc[OF_CE, "model"] == "resnet8"
    assert table["loss"].tolist() == ["ce", "ldam"]
    assert table["accuracy"].tolist() == [0.5, 0.25]
    assert table["disjoint"].tolist() == [12.5, 12.5]
    assert not {"unique", "auroc", "ece"} & set(table.columns), "null for every run"
    for name in RUNS:
        found = json.loads(Path(f"metrics/cam_alignment/{name}.json").read_text())
        own = table.loc[name.replace("-", "/", 1)]
        assert own["pointing"] == pytest.approx(found["pointing"])
        assert own["iobb_untrained"] == pytest.approx(found["untrained"]["iobb"])
        assert own["iobb_shifted"] == pytest.approx(found["shifted"]["iobb"])
    lines = Path("plots/compare/planted.md").read_text().splitlines()
    assert (
        lines[0] == "# planted (generated images): one row per setting, means over its trainings"
    )
    assert f"| {OF_CE} | resnet8 | ce | 1 | 0.5000 |" in lines
    assert f"| {OF_LDAM} | resnet8 | ldam | 1 | 12.5 | 3 |" in lines
    for figure in ("planted.png", "planted-cams.png"):
        assert (Path("plots/figures/compare") / figure).stat().st_size > 0


def test_runs_without_maps_are_compared_by_their_performance(maps_workspace):
    values = experiment()
    values["dumps"]["maps"]["runs"] = [LDAM]
    write_params(maps_workspace, values)
    Path(f"metrics/cam_alignment/{CE}.json").unlink()
    Path(f"plots/cam_examples/{CE}.csv").unlink()
    compare.main(["planted"])
    table = pd.read_csv("plots/compare/planted.csv").set_index("setting")
    assert np.isnan(table.loc[OF_CE, "iobb"])
    assert table.loc[OF_LDAM, "iobb"] > 0
    rows = Path("plots/compare/planted.md").read_text().splitlines()
    assert f"| {OF_CE} | resnet8 | ce |  |  |  |" in rows
    values["dumps"]["maps"]["runs"] = []
    write_params(maps_workspace, values)
    compare.main(["phantom"])
    assert list(pd.read_csv("plots/compare/phantom.csv").columns) == [
        *(
            "setting",
            "model",
            "loss",
            "performance_trainings",
            "auroc",
            "probability_positives",
            "ece",
        )
    ]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (f"metrics/performance/{LDAM}.json", f"dvc repro performance@{LDAM}"),
        (f"metrics/cam_alignment/{CE}.json", f"dvc repro cam_alignment@{CE}"),
        (f"metrics/concepts/{LDAM}.json", f"dvc repro concepts@{LDAM}"),
        (f"plots/cam_examples/{CE}.csv", f"dvc repro cam_alignment@{CE}"),
    ],
)
@pytest.mark.usefixtures("maps_workspace")
def test_a_missing_input_of_the_comparison_says_what_to_run(missing, message):
    Path(missing).unlink()
    with pytest.raises(InputError) as caught:
        compare.main(["planted"])
    assert str(caught.value) == f"{missing} is missing; run: {message}"
    assert not Path("plots/figures/compare/planted-cams.png").exists()


@pytest.mark.parametrize(("name", "others"), [(CE, (LDAM,)), (BCE, ())])
def test_rows_of_maps_show_an_image_with_the_boxes_of_one_class(maps_folder, name, others):
    data = maps_folder / f"data/prepared/{DATASETS[name]}.h5"
    boxes, arrays = read_boxes(data, "test"), read_split(data, "test")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(maps_folder)
        params = load_params(Path("params.yaml"))
        rows, cams = read_cam_examples(DATASETS[name], [name, *others], params)
    table = pd.read_csv(maps_folder / f"plots/cam_examples/{name}.csv").groupby("example")
    names = read_maps_about(maps_folder / f"data/dumps/maps/{name}.h5").class_names
    assert len(rows) == len(table)
    assert list(cams) == [name, *others]
    for row, cam, (_, cells) in zip(rows, cams[name], table, strict=True):
        image = cells["row"].iloc[0]
        assert row.label == cells["class"].iloc[0]
        np.testing.assert_array_equal(row.image, arrays.images[image])
        own = [box[2:] for box in boxes.tolist() if box[:2] == [image, names.index(row.label)]]
        assert row.boxes.tolist() == own
        small = np.maximum(cells["value"].to_numpy(), 0).reshape(cells["y"].max() + 1, -1)
        large = torch.nn.functional.interpolate(
            torch.from_numpy(small)[None, None], row.image.shape[:2], mode="bilinear"
        )[0, 0]
        span = large.max() - large.min()
        expected = (large - large.min()) / (span if span else 1)
        np.testing.assert_allclose(cam, expected, atol=1e-6)


def test_a_setting_has_the_mean_over_those_of_its_trainings_that_have_a_figure(maps_workspace):
    values = experiment()
    again = f"{CE}-again"
    values["runs"][again] = values["runs"][CE] | {"seed": 1}
    values["dumps"]["saliency"]["runs"] = []
    write_params(maps_workspace, values)
    for run, value in ((CE, 0.5), (again, 0.75)):
        each = {"red": value, "green": None}
        write_metrics("performance", run, {"accuracy": value, "recall": each, "precision": each})
    compare.main(["planted"])
    table = pd.read_csv("plots/compare/planted.csv").set_index("setting")
    assert table.loc[OF_CE, ["accuracy", "performance_trainings"]].tolist() == [0.625, 2]
    maps = json.loads(Path(f"metrics/cam_alignment/{CE}.json").read_text())
    assert table.loc[OF_CE, ["iobb", "cam_alignment_trainings"]].tolist() == [maps["iobb"], 1]


def test_maps_are_shown_of_the_first_training_that_has_them(maps_workspace, monkeypatch):
    values = experiment()
    values["runs"] = {"early": values["runs"][CE] | {"seed": 1}, **values["runs"]}
    values["dumps"]["saliency"]["runs"] = []
    write_params(maps_workspace, values)
    shutil.copy(f"metrics/performance/{CE}.json", "metrics/performance/early.json")
    shown = []
    monkeypatch.setattr(compare, "draw_cam_rows", lambda _, cams, *__, **___: shown.extend(cams))
    compare.main(["planted"])
    assert shown == [CE, LDAM]


def sheet(data):
    pairs = read_pairs(data, "test")
    return read_examples(data, "test", pairs[choose_samples(pairs[:, 1], n_samples=MAX_SAMPLES)])


@pytest.mark.parametrize("dataset", ["planted", "phantom"])
def test_the_sheet_shows_annotated_images_of_all_classes_with_boxes(maps_folder, dataset):
    data = maps_folder / f"data/prepared/{dataset}.h5"
    boxes, images = read_boxes(data, "test"), read_split(data, "test").images
    samples = sheet(data)
    with h5py.File(data) as file:
        names = list(file.attrs["class_names"])
    assert {sample.label for sample in samples} == {names[label] for label in boxes[:, 1]}
    n_pairs = len(np.unique(boxes[:, :2], axis=0))
    assert len(samples) == min(15, n_pairs)
    for sample in samples:
        label = names.index(sample.label)
        (row,) = (i for i, image in enumerate(images) if (image == sample.image).all())
        own = [box[2:] for box in boxes.tolist() if box[:2] == [row, label]]
        assert sample.boxes.tolist() == own
        assert own
    assert (maps_folder / f"plots/figures/prepare/{dataset}.png").stat().st_size > 0


@pytest.mark.parametrize("dataset", ["planted", "phantom"])
def test_the_sheet_of_images_without_boxes_shows_all_classes(maps_workspace, dataset):
    data = maps_workspace / f"data/prepared/{dataset}.h5"
    with h5py.File(data, "r+") as file:
        del file["test/boxes"]
        labels, names = file["test/labels"][:], np.array(file.attrs["class_names"])
        images = file["test/images"][:]
    samples = sheet(data)
    has = np.eye(len(names))[labels] if labels.ndim == 1 else labels
    present = has.any(0)
    assert {sample.label for sample in samples} == set(names[present])
    for sample in samples:
        (row,) = (i for i, image in enumerate(images) if (image == sample.image).all())
        assert has[row, names.tolist().index(sample.label)]
        assert sample.boxes.shape == (0, 4)
