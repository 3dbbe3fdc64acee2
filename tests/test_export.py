"""One parquet file of a run: what stands in it, of classes and of labels, and what reads it."""

import json
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.special import expit, softmax

from imbalens.commands.analyze import main as analyze_file
from imbalens.commands.export import main
from imbalens.errors import InputError
from imbalens.reading import export
from stages import archetypes, explore
from tests.explore_cases import NAMES, RUNS, SIZES, experiment, write_all
from tests.tiny import write_params

N, RUN, CHEST = sum(SIZES.values()), "shapes-ce", "chest-bce"
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_params(folder, experiment())
    write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for dataset, runs in RUNS.items():
            explore.main([dataset])
            for run in runs:
                archetypes.main([run])
    return folder


@pytest.fixture(autouse=True)
def folder(computed, monkeypatch):
    monkeypatch.chdir(computed)
    monkeypatch.setattr(export, "ROWS", 7)  # several groups of each split
    return computed


def exported(run, *arguments):
    main([run, *arguments])
    return parquet.read_table(f"work/{run}.parquet")


def stored(path, name):
    with h5py.File(path) as file:
        return np.concatenate([file[f"{split}/{name}"][:] for split in SIZES])


def columns_of(table, name):
    """The columns of a declared range, found as the file's metadata says."""
    about = json.loads(table.schema.metadata[b"imbalens"])
    (found,) = [column for column in about["columns"] if column["name"] == name]
    frame = table.to_pandas()
    return frame.iloc[:, found["first"] : found["first"] + found["count"]]


def test_a_row_tells_what_the_stages_found_of_an_image():
    table = exported(RUN)
    frame, dump = table.to_pandas(), f"data/dumps/features/{RUN}.h5"
    names = np.array(NAMES["shapes"], dtype=object)
    logits = stored(dump, "logits")
    assert frame["id"].tolist() == stored("data/prepared/shapes.h5", "names").astype(str).tolist()
    assert frame["split"].tolist() == ["train"] * SIZES["train"] + ["test"] * SIZES["test"]
    assert frame["label"].tolist() == names[stored(dump, "targets")].tolist()
    assert frame["prediction"].tolist() == names[logits.argmax(axis=1)].tolist()
    assert np.array_equal(frame["index"], stored(dump, "index"))
    assert np.array_equal(columns_of(table, "feature_{feature}"), stored(dump, "features"))
    assert np.array_equal(columns_of(table, "logit_{label}"), logits)
    assert columns_of(table, "prob_{label}").to_numpy() == pytest.approx(softmax(logits, axis=1))
    train = frame[frame["split"] == "train"]
    judged = pd.read_csv(f"data/instances/archetypes/{RUN}.csv")
    assert train["archetype"].tolist() == judged["archetype"].tolist()
    assert frame[frame["split"] == "test"][["archetype", "suspicion"]].isna().all(axis=None)
    listed = pd.read_csv("plots/explore/shapes-label_errors.csv").query("run == @RUN")
    doubted = train[train["suspicion"].notna()].sort_values("suspicion", ascending=False)
    assert doubted["row"].tolist() == listed["row"].tolist()
    assert doubted["suggested"].tolist() == listed["suggested"].tolist()
    assert doubted["suspicion"].to_numpy() == pytest.approx(listed["score"], abs=1e-6)


def test_of_several_labels_each_has_columns():
    table = exported(CHEST)
    frame, dump = table.to_pandas(), f"data/dumps/features/{CHEST}.h5"
    names = (*NAMES["chest"], "No Finding")
    assert np.array_equal(columns_of(table, "label_{label}"), stored(dump, "targets"))
    assert columns_of(table, "prob_{label}").to_numpy() == pytest.approx(
        expit(stored(dump, "logits"))
    )
    assert [*columns_of(table, "prediction_{class}")] == [f"prediction_{each}" for each in names]
    judged = pd.read_csv(f"data/instances/archetypes/{CHEST}.csv")
    kinds = columns_of(table, "archetype_{class}")
    assert kinds.notna().sum(axis=None) == len(judged)
    for row, label, kind in zip(judged["row"], judged["label"], judged["archetype"], strict=True):
        assert kinds.loc[row, f"archetype_{label}"] == kind
    listed = pd.read_csv("plots/explore/chest-label_errors.csv")
    doubts = columns_of(table, "suspicion_{label}")
    assert doubts.notna().sum(axis=None) == len(listed) > 0
    for row, given, score in zip(listed["row"], listed["given"], listed["score"], strict=True):
        label = given.removeprefix("not ")
        assert doubts.loc[row, f"suspicion_{label}"] == pytest.approx(score, abs=1e-6)
    for name in names:  # who is predicted to have it, as the archetypes' table says
        said = judged["prediction"].fillna("").str.split("|").map(lambda each, n=name: n in each)
        told = frame.loc[judged["row"], f"prediction_{name}"].astype(bool)
        assert told.tolist() == said.tolist()


def test_labels_that_are_not_known_are_below_zero(tmp_path, monkeypatch):
    write_params(tmp_path, experiment())
    write_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    with h5py.File(f"data/dumps/features/{CHEST}.h5", "r+") as file:
        for split, n in SIZES.items():
            file[f"{split}/targets"][0] = 0
            file[f"{split}/unknown"] = np.arange(2 * n).reshape(n, 2) == 1
    archetypes.main([CHEST])
    explore.main(["chest"])
    given = columns_of(exported(CHEST), "label_{label}").to_numpy()
    assert [given[0].tolist(), given[SIZES["train"]].tolist()] == [[0, -1], [0, -1]]
    assert (given == -1).sum() == 2


def test_row_groups_are_as_small_as_asked_for():
    exported(RUN)
    with parquet.ParquetFile(f"work/{RUN}.parquet") as file:
        sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert sizes == [*[7] * 8, 4, *[7] * 3, 3]


@pytest.mark.parametrize(("run", "task"), [(RUN, "multiclass"), (CHEST, "multilabel")])
def test_analyze_reads_it_and_finds_the_same(tmp_path, run, task):
    exported(run)
    analyze_file([f"work/{run}.parquet", "--out", str(tmp_path / "page"), "--task", task])
    own = pd.read_csv(f"data/instances/archetypes/{run}.csv")
    again = pd.read_csv(tmp_path / "page/tables/archetypes-instances.csv")
    assert again["archetype"].tolist() == own["archetype"].tolist()


def test_pictures_are_the_prepared_images(tmp_path):
    frame = exported(RUN, "--pictures", str(tmp_path / "pictures")).to_pandas()
    images = stored("data/prepared/shapes.h5", "images")
    for row in (0, SIZES["train"], N - 1):
        with Image.open(frame["path"][row]) as picture:
            assert np.array_equal(np.asarray(picture), images[row])
    assert frame["path"].is_unique
    grey = exported(CHEST, "--pictures", str(tmp_path / "grey")).to_pandas()
    with Image.open(grey["path"][0]) as picture:
        assert picture.mode == "L"


def test_what_a_dump_lacks_is_left_out(tmp_path, monkeypatch):
    write_params(tmp_path, experiment())
    write_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    for run, lacks in zip(RUNS["shapes"], ("features", "logits"), strict=True):
        with h5py.File(f"data/dumps/features/{run}.h5", "r+") as file:
            for split in SIZES:
                del file[f"{split}/{lacks}"]
    archetypes.main([RUNS["shapes"][1]])
    explore.main(["shapes"])
    without_features, without_logits = (exported(run) for run in RUNS["shapes"])
    assert without_features["archetype"].null_count == N
    assert columns_of(without_features, "feature_{feature}").empty
    assert without_features["prediction"].null_count == 0
    assert without_logits["prediction"].null_count == N
    assert without_logits["archetype"].null_count == SIZES["test"]
    assert not [name for name in without_logits.column_names if name.startswith("prob_")]


@pytest.mark.parametrize(
    ("lost", "command"),
    [
        (f"data/dumps/features/{RUN}.h5", f"dvc repro dump_features@{RUN}"),
        (f"data/instances/archetypes/{RUN}.csv", f"dvc repro archetypes@{RUN}"),
        ("plots/explore/shapes-label_errors.csv", "dvc repro explore@shapes"),
        ("data/prepared/shapes.h5", "dvc repro prepare@shapes"),
    ],
)
def test_what_was_not_computed_is_said_with_the_command(folder, lost, command):
    (folder / lost).rename(folder / "aside")
    try:
        with pytest.raises(InputError, match=rf"{lost} is missing; run: {command}$"):
            exported(RUN, "--out", "work/none.parquet")
    finally:
        (folder / "aside").rename(folder / lost)
    assert not [*folder.glob("work/*none*")], "nothing half-written stays"


def test_candidates_of_other_images_are_refused(folder):
    path = folder / "plots/explore/shapes-label_errors.csv"
    table = path.read_text(encoding="utf-8")
    other = pd.read_csv(path)
    other["row"] = (other["row"] + 1) % SIZES["train"]
    other.to_csv(path, index=False)
    try:
        with pytest.raises(InputError, match=r"tells of other images .*explore@shapes"):
            exported(RUN)
    finally:
        path.write_text(table, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "runs: found 'nothing'; allowed: .*shapes-ce"),
        ([RUN, "--out", "x.csv"], r"--out: found x.csv; allowed: .*\.parquet"),
    ],
)
def test_what_cannot_be_exported_is_said(arguments, message):
    with pytest.raises(InputError, match=message):
        main(arguments)


def test_without_pyarrow_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"writes parquet files; run: pip install 'imbalens\["):
        exported(RUN)
