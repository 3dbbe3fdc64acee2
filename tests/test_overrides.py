"""What a changed parameter reruns: of a method, of a default; by hand and by DVC's overrides."""

import shutil
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import dpath
import pytest
import yaml
from dvc.dependency.param import read_param_file
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides

from imbalens.params.loading import DEFAULTS_PATH, load_params
from tests.tiny import (
    ROOT,
    RUNS,
    TinyProject,
    find_stages_run,
    read_values,
    tiny_params,
    write_params,
)

EXPERIMENTS = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]
WHOLE = yaml.safe_load(DEFAULTS_PATH.read_text(encoding="utf-8"))
DEFAULTS = {  # but for those of a choice that has to be made
    section: {key: value for key, value in items.items() if not isinstance(value, list)}
    for section, items in WHOLE.items()
}
IN_PROJECT = DEFAULTS_PATH.relative_to(ROOT)
GENERATED = {"train_images": 20, "test_images": 8, "seed": 9}
OTHER = {  # than the default
    "evaluate_on": {"name": "phantom_cxr", "task": {"name": "binary"}, **GENERATED},
    "resize": "pad",
    "bits": 12,
    "validation": {"share": 0.1, "seed": 0},
    "normalization": {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
    "drw": {"start_epoch": 1, "beta": 0.9},
    "checkpoint": "own{seed}.pt",
    "seed": 7,
    "optimizer": {"name": "adam", "lr": 0.001, "weight_decay": 0.0},
    "schedule": {"name": "cosine", "warmup_epochs": 0},
    "epochs": 40,
    "batch_size": 16,
    "augmentation": {"crop_padding": 0, "flip": False, "brightness": 0.0, "contrast": 0.0},
    "precision": "float32",
    "device": "cpu",
    "model_selection": "best_validation",
}
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


def lay_out(experiment, folder):
    """Write what DVC reads of a project with an experiment."""
    for name in ("dvc.yaml", "analyses.yaml", IN_PROJECT.as_posix()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(experiment, folder / "params.yaml")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def tracked(folder):
    """Return the values that DVC compares, by stage; all that a stage names have to be there."""
    repo = Repo(str(folder))
    stages = {stage.addressing.rpartition(":")[2]: stage.params for stage in repo.index.stages}
    files = {
        path: read_param_file(repo.fs, path)  # once, as DVC's parser is slow
        for path in {dep.fs_path for deps in stages.values() for dep in deps}
    }
    return {
        name: [
            [dpath.get(files[dep.fs_path], key, separator=".") for key in dep.params]
            or files[dep.fs_path]
            for dep in deps
        ]
        for name, deps in stages.items()
    }


@cache
def tracked_as_shipped(experiment):
    """Return `tracked` of a folder with a shipped experiment."""
    with TemporaryDirectory() as folder:
        lay_out(experiment, Path(folder))
        return tracked(folder)


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def halved(values, path):
    """Yield an override for every number."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from halved(value, f"{path}.{key}")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}.{key}={value // 2 if isinstance(value, int) else value / 2}"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda path: path.stem)
def test_overrides_of_a_method_reach_all_its_runs_and_no_other(experiment, tmp_path):
    lay_out(experiment, folder := tmp_path)
    path, before = folder / "params.yaml", tracked_as_shipped(experiment)
    text, whole = path.read_text(encoding="utf-8"), load_params(path)
    of_methods = {
        name: list(halved(method, f"methods.{name}"))
        for name, method in read_values(folder)["methods"].items()
    }
    if not any(of_methods.values()):
        pytest.skip("its methods have no number that could be halved")
    for method, overrides in of_methods.items():
        if not overrides:
            continue
        apply_overrides(str(path), overrides)
        of_method = {name for name, run in whole.runs.items() if run.method == method}
        of_each = {f"{stage}@{n}" for stage in ("trained_code", "train") for n in of_method}
        gathered = {f"gather@{name}" for name in whole.datasets}  # which stop what they compare
        assert changed(before, tracked(folder)) == {"check", *of_each, *gathered}
        now = load_params(path).runs
        assert {name for name, run in now.items() if run != whole.runs[name]} == of_method
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda path: path.stem)
def test_a_further_seed_is_one_run(experiment, tmp_path):
    lay_out(experiment, folder := tmp_path)
    values, before = read_values(folder), tracked_as_shipped(experiment)
    run = next(iter(values["runs"]))
    values["runs"][f"{run}-again"] = values["runs"][run] | {"seed": 5}
    write_params(folder, values)
    after = tracked(folder)
    assert {name.partition("@")[2] for name in set(after) - set(before)} == {f"{run}-again"}
    gathered = {f"gather@{name}" for name in values["datasets"]}  # these name all runs
    pairs = {f"false_positives@{name}" for name in values["false_positives"]}
    assert changed(before, after) == {"check", "summary", "focus", *gathered, *pairs}


@pytest.mark.parametrize("section", DEFAULTS)
def test_changed_defaults_rerun_what_setting_them_would(section, tmp_path):
    lay_out(EXPERIMENTS[0], folder := tmp_path)
    values, new = read_values(folder), {key: OTHER[key] for key in DEFAULTS[section]}
    without = {
        name: {key: value for key, value in item.items() if key not in new}
        for name, item in values[section].items()
    }
    write_params(folder, values | {section: without})
    before = tracked(folder)
    write_params(folder, values | {section: {name: each | new for name, each in without.items()}})
    by_setting = changed(before, tracked(folder))
    write_params(folder, values | {section: without})
    text = yaml.safe_dump(WHOLE | {section: new})
    (folder / IN_PROJECT).write_text(text, encoding="utf-8")
    # which depends on the file itself, and writes the same
    assert changed(before, tracked(folder)) == by_setting - {"check"}
    direct = {"datasets": "prepare", "methods": "train", "runs": "train", "recipes": "train"}
    assert any(name.startswith(f"{direct[section]}@") for name in by_setting)


# --- real trainings

CE, LDAM = RUNS
AGAIN = f"{LDAM}-1"
MARGIN = "methods.ldam_drw.loss.max_margin"
TRAINED = {f"train@{run}" for run in (CE, LDAM, AGAIN)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A run, and two repeats of another method."""
    values = tiny_params()
    values["runs"][AGAIN] = values["runs"][LDAM] | {"seed": 1}
    values["methods"]["ldam_drw"]["drw"]["start_epoch"] = 0
    values["recipes"]["quick"]["epochs"] = 1
    values["recipes"]["quick"]["schedule"]["warmup_epochs"] = 0
    values["dumps"] |= {"saliency": {"runs": [CE, AGAIN]}, "maps": {"runs": []}}
    stages = ("prepare", "trained_code", "train", "dump_saliency")
    project = TinyProject(tmp_path_factory.mktemp("overrides"), values, stages)
    dumped = {f"dump_saliency@{run}" for run in (CE, AGAIN)}
    coded = {f"trained_code@{run}" for run in (CE, LDAM, AGAIN)}
    assert project.repro() == {"check", "prepare@planted", *coded, *TRAINED, *dumped}
    project.commit("results")
    return project


@pytest.fixture
def clean(project):
    project.git("checkout", "--quiet", "--force", "main")
    project.run("dvc", "checkout", "--quiet", "--force")
    return project


def test_an_experiment_with_a_method_changed_reruns_its_repeats_alone(clean):
    said = clean.run("dvc", "exp", "run", "--set-param", f"{MARGIN}=0.2").stdout
    again = {f"{stage}@{run}" for stage in ("trained_code", "train") for run in (LDAM, AGAIN)}
    assert find_stages_run(said) == {"check", *again, f"dump_saliency@{AGAIN}"}
    lock = yaml.safe_load((clean.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    for run in (LDAM, AGAIN):
        tracked = lock[f"train@{run}"]["params"]["params.yaml"]
        assert tracked["methods.ldam_drw"]["loss"]["max_margin"] == 0.2


def test_a_default_changed_or_set_reruns_the_same(clean):
    defaults = clean.folder / IN_PROJECT
    text = defaults.read_text(encoding="utf-8")
    assert clean.repro("--dry") == set()
    defaults.write_text(text.replace("device: auto ", "device: cpu "), encoding="utf-8")
    # the stage of digests depends on the file itself, and writes the same
    coded = {f"trained_code@{run}" for run in (CE, LDAM, AGAIN)}
    assert clean.repro("--dry") == {"check", *coded, *TRAINED}
    defaults.write_text(text, encoding="utf-8")
    clean.change(lambda values: values["recipes"]["quick"].update(device="cpu"))
    assert clean.repro("--dry") == {"check", *TRAINED}


@pytest.mark.parametrize(
    ("override", "read"),
    [
        (f"{MARGIN}=0.3,0.4,0.7", lambda run: run.loss.max_margin),
        (f"runs.{LDAM}.seed=2,3", lambda run: run.seed),
    ],
)
def test_queued_experiments_hold_the_values_they_were_given(clean, tmp_path, override, read):
    clean.run("dvc", "exp", "run", "--queue", "--set-param", override)
    listed = clean.git("rev-list", "--walk-reflogs", "refs/exps/celery/stash").split()
    found = []
    for number, commit in zip(count(), listed, strict=False):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("params.yaml", "analyses.yaml"):
            (folder / name).write_text(clean.git("show", f"{commit}:{name}"), encoding="utf-8")
        runs = load_params(folder / "params.yaml").runs
        found.append((read(runs[LDAM]), read(runs[AGAIN])))
    clean.run("dvc", "queue", "remove", "--all")
    values = [float(value) for value in override.partition("=")[2].split(",")]
    of_method = override.startswith("methods")
    assert sorted(found) == [(value, value if of_method else 1) for value in values]
