"""What an experiment needs beside its file: variables, weights, classes, enough images."""

import copy
import json
import re
from pathlib import Path

import pytest

from imbalens.errors import InputError
from imbalens.params.checks import find_image_problems
from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.params.loading import load_params
from imbalens.params.runs import Given
from imbalens.surroundings import find_made, require_surroundings
from tests.params.test_loading import SHIPPED, at, load_changed
from tests.tiny import ROOT, write_params

CE = ("methods", "ce")
BCE = ("methods", "bce")
MINE = {"name": "folder", "root": "$MY_IMAGES/lt", "digest": None}
SUMMARY = {"images": {"train": 90}, "counts": {"train": {"cat": 60, "striped red square": 30}}}
MD5 = "0123456789abcdef0123456789abcdef"
VARIABLES = ("MY_IMAGES", "MY_WEIGHTS", "IMBALENS_CIFAR10_LT", "IMBALENS_NIH_ROOT")
VARIABLES += ("IMBALENS_CHECKPOINTS",)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find(folder, *changes):
    """What is said of the shipped experiment with changes, line by line without the file."""

    def change(values):
        for each in changes:
            each(values)

    path = folder / "params.yaml"
    params = load_changed(folder, change)
    try:
        require_surroundings(params, path)
    except InputError as error:
        lines = str(error).split("\n")
        assert all(line.startswith((f"{path}: ", "analyses.yaml: ")) for line in lines)
        return [line.removeprefix(f"{path}: ") for line in lines]
    return []


def lock(folder, stage, keys, *outs):
    """Write a dvc.lock with a stage, made with what params.yaml holds under some keys."""
    values = read_yaml(folder / "params.yaml")
    kept = {}
    for key in keys:
        kept[key] = values
        for part in key.split("."):
            kept[key] = kept[key][part]
    entry = {
        "cmd": "x",
        "params": {"params.yaml": copy.deepcopy(kept)},
        "outs": [{"path": out, "md5": MD5, "size": 1, "hash": "md5"} for out in outs],
    }
    text = format_yaml({"schema": "2.0", "stages": {stage: entry}})
    (folder / "dvc.lock").write_text(text, encoding="utf-8")


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_an_experiment_on_generated_images_needs_nothing(folder):
    assert find(folder) == []


@pytest.mark.parametrize(
    "profile", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda p: p.name
)
def test_a_profile_needs_the_variables_that_it_names(folder, monkeypatch, profile):
    path = folder / "params.yaml"
    write(path, profile.read_text(encoding="utf-8"))
    write(folder / "analyses.yaml", (ROOT / "analyses.yaml").read_text(encoding="utf-8"))
    params = load_params(path)
    named = {
        f"datasets.{name}.source.{key}": found[1]
        for name, dataset in params.datasets.items()
        for key in ("root", "path", "file")
        if (found := re.match(r"\$(\w+)", getattr(dataset.source, key, "")))
    }
    checkpoints = {
        f"methods.{name}.checkpoint": Path(method.checkpoint)
        for name, method in params.methods.items()
        if method.checkpoint
    }
    named |= {key: path.parts[0].removeprefix("$") for key, path in checkpoints.items()}
    given = [
        Path(run.model.file.replace("{seed}", str(run.seed)))
        for run in params.runs.values()
        if isinstance(run.model, Given) and run.model.file
    ]
    for key, variable in named.items():
        with pytest.raises(InputError) as caught:
            require_surroundings(params, path)
        assert f"{path}: {key}: " in str(caught.value)
        assert f"variable {variable} is not set; run: export {variable}=<path>" in str(
            caught.value
        )
    for variable in named.values():
        monkeypatch.setenv(variable, "somewhere")
    for checkpoint in checkpoints.values():
        write(folder.joinpath("somewhere", *checkpoint.parts[1:]))
    for file in given:
        write(folder / str(file).replace("$IMBALENS_NIH_PREDICTIONS", "somewhere"))
    require_surroundings(params, path)


def test_every_mistake_is_named_at_once(folder):
    found = find(
        folder,
        at("datasets", "planted", source=MINE, evaluate_on=MINE | {"root": "$MY_TESTS"}),
        at(*CE, checkpoint="$MY_WEIGHTS/x.pt"),
        at("methods", "ldam_drw", checkpoint="gone.pt"),
        at(*BCE, "model", weights="start.pt"),
        at("dumps", "maps", runs=[]),
    )
    assert found == [
        "datasets.planted.source.root: $MY_IMAGES/lt: environment variable MY_IMAGES is not set; "
        "run: export MY_IMAGES=<path>",
        "datasets.planted.evaluate_on.root: $MY_TESTS: environment variable MY_TESTS is not set; "
        "run: export MY_TESTS=<path>",
        "methods.ce.checkpoint: $MY_WEIGHTS/x.pt: environment variable MY_WEIGHTS is not "
        "set; run: export MY_WEIGHTS=<path>",
        "methods.ldam_drw.checkpoint: gone.pt: no such file; place the weights there, or "
        "set null, to train",
        "methods.bce.model.weights: start.pt: no such file; place the weights there, or set "
        "'imagenet' or 'none'",
    ]


def test_the_module_of_ones_own_network_is_there(folder):
    def named(factory):
        return at(*CE, model={"name": "python", "factory": factory})

    (folder / "own_nets").mkdir()
    assert find(folder, named("own_nets.mine:build")) == [
        "methods.ce.model.factory: found 'own_nets.mine:build', whose module is neither in the "
        "project (own_nets/mine.py) nor installed; write it, or name another"
    ]
    assert len(find(folder, named("no_such_package:build"))) == 1
    (folder / "own_nets/mine.py").write_text("(", encoding="utf-8")  # importing it would say so
    assert find(folder, named("own_nets.mine:build")) == []
    assert find(folder, named("torchvision.models:resnet18")) == []


@pytest.mark.parametrize("text", ["x.pt", "$MY_WEIGHTS/x.pt", "~/x.pt"])
def test_weights_that_are_there_are_found(folder, monkeypatch, text):
    monkeypatch.setenv("MY_WEIGHTS", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    changes = at(*CE, checkpoint=text), at(*BCE, "model", weights=text)
    assert len(find(folder, *changes)) == 2
    write(folder / "x.pt")
    assert find(folder, *changes) == []


def test_weights_to_start_from_do_not_matter_beside_a_checkpoint(folder):
    write(folder / "x.pt")
    assert find(folder, at(*BCE, checkpoint="x.pt"), at(*BCE, "model", weights="gone.pt")) == []


def test_a_checkpoint_that_was_taken_is_not_needed_again(folder):
    changed = at(*CE, checkpoint="gone.pt")
    assert len(find(folder, changed)) == 1
    keys = ("runs.planted-ce", "methods.ce", "recipes.quick")
    lock(folder, "train@planted-ce", keys, "data/models/planted-ce.pt")
    assert len(find(folder, changed)) == 1, "the weights are nowhere"
    write(folder / "data/models/planted-ce.pt")
    assert find(folder, changed) == []
    assert len(find(folder, changed, at("recipes", "quick", epochs=13))) == 1
    (other,) = find(folder, at(*CE, checkpoint="other.pt"))
    assert other.startswith("methods.ce.checkpoint: other.pt: no such file")


@pytest.mark.parametrize("place", ["project", "config", "config.local"])
def test_what_dvcs_cache_holds_was_made(folder, place):
    cache = folder / ".dvc/cache" if place == "project" else folder / "elsewhere"
    write(cache / "files" / "md5" / MD5[:2] / MD5[2:])
    load_changed(folder, at(*CE, checkpoint="gone-{seed}.pt"))
    lock(
        folder, "train@planted-ce", ["runs.planted-ce", "methods.ce"], "data/models/planted-ce.pt"
    )
    if place != "project":
        assert find_made(folder / "params.yaml") == set()
        text = "[core]\n    analytics = false\n['remote \"x\"']\n    url = y\n[cache]\n    dir = "
        write(
            folder / ".dvc" / place, text + ("../elsewhere" if place == "config" else str(cache))
        )
    assert find_made(folder / "params.yaml") == {"train@planted-ce"}


def test_a_file_of_another_name_is_compared_in_place_of_params_yaml(folder):
    load_changed(folder, lambda _: None)
    lock(folder, "prepare@planted", ["datasets.planted"])
    assert find_made(folder / "params.yaml") == {"prepare@planted"}
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    write(folder / "mine.yaml", text)
    assert find_made(folder / "mine.yaml") == {"prepare@planted"}
    write(folder / "mine.yaml", text.replace("train_per_class: 400", "train_per_class: 401"))
    assert find_made(folder / "mine.yaml") == set()


def test_parameters_of_other_files_are_compared_too(folder):
    load_changed(folder, lambda _: None)
    lock(folder, "prepare@planted", ["datasets.planted"])
    text = (folder / "dvc.lock").read_text(encoding="utf-8")
    write(
        folder / "dvc.lock",
        text.replace("params.yaml:", "other.yaml:\n        a.b: 1\n      params.yaml:"),
    )
    assert find_made(folder / "params.yaml") == set()
    write(folder / "other.yaml", "a: {b: 1}\n")
    assert find_made(folder / "params.yaml") == {"prepare@planted"}
    write(folder / "other.yaml", "a: {b: 2}\n")
    assert find_made(folder / "params.yaml") == set()


def test_nothing_was_made_where_dvc_lock_is_absent_or_cut(folder):
    load_changed(folder, lambda _: None)
    assert find_made(folder / "params.yaml") == set()
    write(folder / "dvc.lock", "schema: '2.0'\nstages:\n  prepare@planted:\n")
    assert find_made(folder / "params.yaml") == set()


def test_a_variable_that_was_needed_is_not_needed_again(folder):
    changed = at("datasets", "planted", source=MINE), at("dumps", "maps", runs=[])
    assert len(find(folder, *changed)) == 1
    lock(folder, "prepare@planted", ["datasets.planted"])
    assert find(folder, *changed) == []


# --- classes and images

NAMES = "false_positives.planted.reference_class: found 'cat'; allowed: dog, cow"


def experiment(folder, *, neighbors=(5, 5, 5), name="cat"):
    def change(values):
        archetypes, adversaries, umap = neighbors
        at("analyses", "archetypes", n_neighbors=archetypes)(values)
        at("analyses", "adversaries", n_neighbors=adversaries)(values)
        embedding = {"name": "umap", "n_neighbors": umap, "min_dist": 0.1, "seed": 0}
        at("analyses", "explore", embedding=embedding)(values)
        at("false_positives", "planted", reference_class=name)(values)

    return load_changed(folder, change)


def test_more_images_than_neighbours_are_needed(folder):
    summary = {"images": {"train": 5}, "counts": {"train": {"cat": 5}}}
    keys = ("archetypes", "adversaries", "explore.embedding")
    assert find_image_problems(experiment(folder), "planted", summary) == [
        f"analyses.yaml: {key}.n_neighbors: found 5; allowed: below the 5 training images of "
        "dataset 'planted'"
        for key in keys
    ]
    summary["images"]["train"] = 6
    assert find_image_problems(experiment(folder), "planted", summary) == []
    params = experiment(folder, neighbors=(5, 6, 5))
    assert len(find_image_problems(params, "planted", summary)) == 1


def test_images_of_a_dataset_without_runs_are_enough(folder):
    values = copy.deepcopy(SHIPPED)
    values["datasets"]["idle"] = values["datasets"]["phantom"]
    write_params(folder, values)
    summary = {"images": {"train": 1}, "counts": {"train": {"dog": 1}}}
    assert find_image_problems(load_params(folder / "params.yaml"), "idle", summary) == []


def test_a_class_is_one_of_its_dataset(folder):
    summary = {"images": {"train": 50}, "counts": {"train": {"dog": 40, "cow": 10}}}
    params = experiment(folder)
    assert find_image_problems(params, "planted", summary) == [NAMES]
    assert find_image_problems(params, "phantom", summary) == []
    assert find_image_problems(experiment(folder, name="cow"), "planted", summary) == []


def test_a_prepared_dataset_is_asked_for_its_classes_and_images(folder):
    changes = (
        at("false_positives", "planted", reference_class="dog"),
        at("analyses", "adversaries", n_neighbors=90),
    )
    write(folder / "metrics/prepare/planted.json", json.dumps(SUMMARY))
    assert find(folder, *changes) == [], "of other parameters, as far as dvc.lock says"
    lock(folder, "prepare@planted", ["datasets.planted"], "metrics/prepare/planted.json")
    remedy = (
        "; if the images changed since they were prepared, run: "
        "dvc repro --force --single-item prepare@planted"
    )
    assert find(folder, *changes) == [
        "analyses.yaml: adversaries.n_neighbors: found 90; allowed: below the 90 training images "
        f"of dataset 'planted'{remedy}",
        "false_positives.planted.reference_class: found 'dog'; allowed: cat, striped red square"
        f"{remedy}",
    ]
    assert find(folder) == []
    assert find(folder, *changes, at("datasets", "planted", image_size=48)) == []
    for text in (
        "{",
        "[]",
        "{}",
        "[" * 100_000,
        '{"images": {"train": "x"}, "counts": {"train": 1}}',
    ):
        write(folder / "metrics/prepare/planted.json", text)
        assert find(folder, *changes) == [], "DVC sees that it changed"


@pytest.mark.parametrize("content", [b"\xff", b"dir = x", b"[cache]\n[cache]\n"])
def test_a_configuration_of_dvc_that_is_none_is_named(folder, content):
    write(folder / ".dvc/config.local")
    (folder / ".dvc/config.local").write_bytes(content)
    write_params(folder, SHIPPED)
    with pytest.raises(InputError, match=r"config\.local: cannot be read \("):
        find_made(folder / "params.yaml")
