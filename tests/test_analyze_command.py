"""`imbalens analyze`: the same of a file, and what it says."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import imbalens
from imbalens.commands.analyze import main
from imbalens.errors import InputError
from tests.analyze_cases import BIRDS, birds, of_dump, options_of
from tests.test_analyze import ANALYSES, REASON, RUNS, check_against_stages, listed


def write_npz(path, given):
    """Write what `analyze` is given, under the usual names."""
    arrays = {key: value for key, value in given.items() if key != "names"}
    if "names" in given:
        arrays["class_names"] = np.array(given["names"])
    np.savez(path, **{key: np.asarray(value) for key, value in arrays.items()})
    return str(path)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("choice", ANALYSES)
def test_the_folder_holds_what_the_stages_wrote(run, choice, tmp_path, capsys):
    analyses = ANALYSES[choice]
    given, _ = of_dump(run, analyses["labels"]["decision"])
    file = write_npz(tmp_path / f"{run}.npz", given)
    task = "multiclass" if given["labels"].ndim == 1 else "multilabel"
    options = [f"{key}={value}" for key, value in options_of(analyses).items()]
    out = tmp_path / "out"
    main([file, "--out", str(out), "--task", task, "--options", *options])
    check_against_stages(out, run, choice)
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) <= 10
    assert lines[-1] == f"page: {out}/index.html"
    metrics = json.loads((out / "metrics/performance.json").read_text())
    name = "accuracy" if task == "multiclass" else "mean AUROC"
    value = metrics["accuracy" if task == "multiclass" else "auroc"]
    assert lines[1].startswith(f"{name}: {value:.3f}, ")
    assert [line.split()[0] for line in said.err.splitlines()] == [
        *("reading", "performance", "archetypes", "adversaries", "feature_overlap", "explore")
    ]


def test_the_main_figures_are_said(tmp_path, capsys):
    given = birds()
    given["labels"][0] = 2  # a coot
    file = write_npz(tmp_path / "birds.npz", given | {"id": [f"b{row}" for row in range(60)]})
    main([file, "--out", str(tmp_path / "out"), "--options", "evaluate=val"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "images: 45 training; 3 classes of 22 to 5 training images"
    table = pd.read_csv(tmp_path / "out/tables/archetypes.csv")
    odd = table[table["archetype"].isin(["rare", "outlier"])].groupby("class")["share"].sum()
    assert lines[1] == (
        f"rare or outlier: {100 * odd['coot']:.1f} % of the largest class (coot, 22 images), "
        f"{100 * odd['heron']:.1f} % of the smallest (heron, 5 images)"
    )
    doubts = pd.read_csv(tmp_path / "out/tables/explore-label_errors.csv")
    first = doubts.iloc[0]
    assert lines[2].startswith(
        f"labels in doubt: {len(doubts)}, first: {first['name']} "
        f"({first['given']}, rather {first['suggested']})"
    )
    assert lines[3] == "left out: performance, adversaries, for no image is of the split 'val'"


def test_a_table_tells_the_same_as_arrays(tmp_path):
    given = birds()
    columns = {f"feature_{i}": values for i, values in enumerate(given["features"].T)}
    columns |= {f"logit_{name}": each for name, each in zip(BIRDS, given["logits"].T, strict=True)}
    table = pd.DataFrame(columns | {"species": np.array(BIRDS)[given["labels"]]})
    table["split"], table["patient"] = given["split"], np.arange(60) // 2
    path = tmp_path / "birds.csv"
    table.to_csv(path, index=False)
    out, other = tmp_path / "out", tmp_path / "other"
    main([str(path), "--out", str(out), "--columns", "labels=species", "group=patient"])
    single = {key: np.float32(given[key]) for key in ("features", "logits")}
    imbalens.analyze(**given | single, groups=np.arange(60) // 2, out=other, title="birds")
    assert {place: len(text) for place, text in listed(out).items()} == {
        place: len(text) for place, text in listed(other).items()
    }
    assert listed(out) == listed(other)


def test_features_and_labels_are_enough(tmp_path, capsys):
    given = birds()
    file = write_npz(tmp_path / "f.npz", {key: given[key] for key in ("features", "labels")})
    main([file, "--out", str(tmp_path / "out")])
    assert f"left out: performance, adversaries, for {REASON}" in capsys.readouterr().out
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert f'"nPoints":{len(given["labels"])},' in page


def test_paths_of_images_are_seen_from_the_file(tmp_path, monkeypatch):
    given = birds() | {"path": [f"im/{row}.png" for row in range(60)]}
    (tmp_path / "data/im").mkdir(parents=True)
    for row in range(60):
        Image.new("L", (8, 8), row).save(tmp_path / f"data/im/{row}.png")
    file = write_npz(tmp_path / "data/birds.npz", given)
    monkeypatch.chdir(tmp_path)
    main(["data/birds.npz", "--out", "out"])
    assert "image/webp" in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"paths: found 'im/0.png' at row 0, which is no file"):
        main([file, "--out", "other", "--images", "."])
    assert not (tmp_path / "other").exists()


def test_paths_as_windows_writes_them_are_the_same(tmp_path):
    given = birds() | {"path": np.array([rf"im\{row}.png" for row in range(60)])}
    (tmp_path / "im").mkdir()
    for row in range(60):
        Image.new("L", (8, 8), row).save(tmp_path / f"im/{row}.png")
    out = tmp_path / "out"
    main([write_npz(tmp_path / "birds.npz", given), "--out", str(out)])
    assert "image/webp" in (out / "index.html").read_text(encoding="utf-8")


def without(key):
    return lambda given: {name: value for name, value in given.items() if name != key}


def nan(given):
    given["features"][3, 1] = np.nan
    return given


def half(given):
    return given | {"labels": given["labels"] + 0.5}


def odd(given):
    return without("logits")(given | {"probabilities": np.full((60, 3), 0.5)})


def alone(given):
    return given | {"labels": np.zeros(60, int)}


def few(given):
    return {key: value[::15] if key != "names" else value for key, value in given.items()}


def empty(given):
    return {key: value[:0] if key != "names" else value for key, value in given.items()}


WRONG = {
    "NaN": (nan, [], "features: found nan at [3, 1]"),
    "rows": (lambda given: given | {"labels": given["labels"][1:]}, [], "arrays differ in rows"),
    "fractions": (half, [], "labels"),
    "text": (
        lambda given: without("names")(given | {"labels": np.array(BIRDS)[given["labels"]]}),
        [],
        "of which class is each column of scores",
    ),
    "sums": (odd, [], "sums to 1.5"),
    "one class": (alone, [], "found one class alone"),
    "few": (few, [], "n_neighbors: found 5; allowed: below the 3"),
    "empty": (empty, [], "has no rows"),
    "no labels": (without("labels"), [], "has no labels; name them: --columns labels=NAME"),
    "no features": (without("features"), [], "has no features; name them: --columns features="),
    "a column": (lambda given: given, ["--columns", "features=emb"], "emb"),
    "a key": (lambda given: given, ["--columns", "feature=emb"], "--columns: found 'feature=emb'"),
    "an option": (lambda given: given, ["--options", "k=5"], "--options: found 'k=5'; allowed:"),
    "a value": (
        lambda given: given,
        ["--options", "n_neighbors=many"],
        "n_neighbors: found 'many'; allowed: a whole number",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_one_clear_error_and_nothing_is_written(case, tmp_path):
    change, words, message = WRONG[case]
    file = write_npz(tmp_path / "birds.npz", change(birds()))
    with pytest.raises(InputError) as caught:
        main([file, "--out", str(tmp_path / "out"), *words])
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["birds.npz"]


def test_columns_of_several_labels_without_the_task_say_what_to_do(tmp_path):
    table = pd.DataFrame({"feature_0": [1, 2], "label_a": [0, 1], "label_b": [1, 1]})
    table.to_csv(tmp_path / "birds.csv", index=False)
    with pytest.raises(InputError, match=r"has no labels; .*; or say --task multilabel"):
        main([str(tmp_path / "birds.csv"), "--out", str(tmp_path / "out")])


def test_a_mistake_is_one_line_and_said_before_the_file_is_read(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    command = [sys.executable, "-m", "imbalens", "analyze", "no.npz", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}: holds 'mine.txt', which analyze did not write; name another folder\n"
    )
    assert done.stdout == ""


def test_torch_and_dvc_are_not_imported():
    code = "import sys, imbalens.commands.analyze; print({'torch', 'dvc'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_two_thousand_images_take_less_than_twenty_seconds(tmp_path):
    """512 features and labels alone; of the processor, since tests run beside each other."""
    resource = pytest.importorskip("resource")  # which Windows has not
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(10), [900, 400, 250, 150, 100, 70, 50, 40, 25, 15])
    features = rng.normal(size=(10, 512))[codes] / 4 + rng.normal(size=(2000, 512))
    file = write_npz(tmp_path / "f.npz", {"features": np.float32(features), "labels": codes})
    command = [sys.executable, "-m", "imbalens", "analyze", file, "--out", str(tmp_path / "out")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
    assert (tmp_path / "out/index.html").exists()
