"""The stage `check`: no command runs with a name that was not checked."""

import copy

import pytest

from imbalens.errors import InputError
from stages import check
from tests.tiny import ROOT, TinyProject, method_of, setting_name, tiny_params, write_params

VALUES = tiny_params()
RUN = next(iter(VALUES["runs"]))
OTHER = setting_name(VALUES, list(VALUES["runs"])[1])
PREPARED = {"prepare@planted"}
# each would write a file `pwned` if a shell saw it, or is no file's name somewhere
UNSAFE = (
    "d; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "a b",
    "-rf",
    "a|b",
    "NUL",
    "con.txt",
)
SECTIONS = ("datasets", "methods", "runs", "recipes", "false_positives")
PLACES = (*SECTIONS, "dumps.saliency.runs", "dumps.maps.runs", "focus")


def put(place, name):
    """The tiny experiment with `name` at a place; where names are keys, before all others."""
    values = copy.deepcopy(VALUES)
    if place in SECTIONS:
        item = next(iter(values[place].values()))
        values[place] = {name: copy.deepcopy(item), **values[place]}
    elif place == "focus":
        values["focus"] = name
    else:
        values["dumps"][place.split(".")[1]]["runs"].insert(0, name)
    return values


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_wherever_it_stands(tmp_path, monkeypatch, place, name):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, put(place, name))
    with pytest.raises(InputError, match=r"params\.yaml: ") as caught:
        check.main([])
    assert f"{place}: found " in str(caught.value)
    assert repr(name) in str(caught.value)
    assert "allowed: " in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_what_it_writes_is_the_same_whatever_the_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, VALUES)
    check.main([])
    first = (tmp_path / "data/checked.txt").read_bytes()
    write_params(tmp_path, {**VALUES, "focus": OTHER})
    check.main(["--params", "params.yaml"])
    assert (tmp_path / "data/checked.txt").read_bytes() == first


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    stages = ("prepare", "trained_code", "train", "dump_saliency", "dump_maps", "false_positives")
    project = TinyProject(tmp_path_factory.mktemp("check"), VALUES, stages)
    assert project.repro("prepare") == {"check", *PREPARED}
    project.commit("prepared")
    return project


@pytest.fixture
def clean(project):
    project.git("checkout", "--quiet", "--force", "main")
    return project


def refused(project, *command):
    """Run a command; return its message once it is sure that no other command ran."""
    result = project.run(*command, check=False)
    assert result.returncode != 0
    ran = [line for line in result.stdout.splitlines() if line.startswith("> ")]
    assert ran == ["> python stages/check.py"]
    assert not list(project.folder.rglob("pwned*"))
    return result.stderr


def test_a_changed_parameter_reruns_check_and_nothing_because_of_it(clean):
    clean.change(lambda values: values.update(focus=OTHER))
    assert clean.repro("prepare") == {"check"}
    assert clean.repro("prepare") == set()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("datasets", "d; touch pwned"),
        ("runs", "$(touch pwned)"),
        ("recipes", "`touch pwned`"),
        ("false_positives", "d; touch pwned"),
        ("dumps.saliency.runs", "d; touch pwned"),
        ("dumps.maps.runs", "$(touch pwned)"),
        ("focus", "d; touch pwned"),
    ],
)
def test_reproducing_stops_before_a_shell_sees_an_unsafe_name(clean, place, name):
    write_params(clean.folder, put(place, name))
    message = refused(clean, "dvc", "repro")
    assert f"error: params.yaml: {place}: found " in message
    assert repr(name) in message


def test_an_experiment_stops_before_a_shell_sees_an_unsafe_name(clean):
    unsafe = f"dumps.saliency.runs=['d; touch pwned','{RUN}']"
    assert "dumps.saliency.runs: found 'd; touch pwned'" in refused(
        clean, "dvc", "exp", "run", "--set-param", unsafe
    )


@pytest.mark.parametrize("target", ["train", "dump_saliency", "dump_maps", "false_positives"])
def test_names_whose_files_are_there_already_are_checked_too(clean, target):
    """What these names lead to is no stage's output: only `check` comes before such a stage."""
    name = "d; touch pwned"
    values = copy.deepcopy(VALUES)
    values["runs"][name] = {**values["runs"][RUN], "dataset": "nowhere"}
    for kind in ("saliency", "maps"):
        values["dumps"][kind]["runs"].insert(0, name)
    pair = next(iter(values["false_positives"].values()))
    values["false_positives"][name] = {**pair, "baseline": "one", "other": "two"}
    write_params(clean.folder, values)
    for path in (
        f"data/models/{name}.pt",
        "data/prepared/nowhere.h5",
        "plots/performance/one-confusion.csv",
        "plots/performance/two-confusion.csv",
    ):
        (clean.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (clean.folder / path).write_text("committed by someone")
    refused(clean, "dvc", "repro", target)


def test_what_an_experiment_lacks_is_said_before_anything_is_computed(clean, monkeypatch):
    monkeypatch.delenv("MY_IMAGES", raising=False)

    def change(values):
        method_of(values, RUN)["checkpoint"] = "gone.pt"
        values["false_positives"]["planted"]["reference_class"] = "striped red sqare"
        values["analyses"]["archetypes"]["n_neighbors"] = 144
        mine = {"name": "folder", "root": "$MY_IMAGES", "digest": None}
        values["datasets"]["mine"] = {**values["datasets"]["planted"], "source": mine}

    clean.change(change)
    said = clean.run("python", "-m", "imbalens", "check", check=False).stderr
    assert said in refused(clean, "dvc", "repro")
    for problem in (
        "params.yaml: methods.ce.checkpoint: gone.pt: no such file",
        "params.yaml: false_positives.planted.reference_class: found 'striped red sqare'; ",
        "analyses.yaml: archetypes.n_neighbors: found 144; allowed: below the 144 training images",
        "params.yaml: datasets.mine.source.root: $MY_IMAGES: environment variable MY_IMAGES ",
    ):
        assert problem in said


def test_a_profile_is_checked_without_what_it_needs(clean, monkeypatch):
    monkeypatch.delenv("IMBALENS_CIFAR10_LT", raising=False)
    profile = ROOT / "profiles" / "cifar10_folder_quick.yaml"
    assert "valid" in clean.run("python", "-m", "imbalens", "check", str(profile)).stdout
    (clean.folder / "params.yaml").write_bytes(profile.read_bytes())
    result = clean.run("python", "-m", "imbalens", "check", check=False)
    assert "variable IMBALENS_CIFAR10_LT is not set" in result.stderr
