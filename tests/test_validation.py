import json
import re

import pytest
import yaml

from imbalens.core.files import InputError
from imbalens.validation import (
    Tolerance,
    Tolerances,
    changed_verdicts,
    compare_metrics,
    describe_change,
    load_tolerances,
    markdown_table,
    read_dumps,
    read_metrics,
    validate,
)
from tests.tiny import TinyProject, tiny_params

ANALYSES = ("performance", "archetypes", "adversaries", "feature_overlap")
TOLERANCES = Tolerances(
    arithmetic=1e-9,
    training=(
        Tolerance(pattern="performance/*:accuracy", absolute=0.1, other=False),
        Tolerance(pattern="performance/*:*", absolute=0.5, other=True),
    ),
)


def verdicts(committed, recomputed, same_dumps=frozenset()):
    differences = compare_metrics(committed, recomputed, TOLERANCES, same_dumps=same_dumps)
    return {item.key: item.verdict for item in differences}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (0.5, 0.5, "ok"),
        (0.5, 0.59, "ok"),
        (0.5, 0.61, "moved 0.11 > 0.1"),
        (0.5, None, "differs"),
        (None, None, "ok"),
        ("a", "b", "differs"),
    ],
)
def test_verdict_of_one_metric(old, new, verdict):
    key = "performance/a:accuracy"
    assert verdicts({key: old}, {key: new}) == {key: verdict}


def test_the_first_pattern_counts_and_what_is_no_number_may_be_allowed_to_differ():
    committed = {"performance/a:recall.x": 0.1, "performance/a:f1.x": None, "performance/a:v": "a"}
    recomputed = {"performance/a:recall.x": 0.55, "performance/a:f1.x": 0.2, "performance/a:v": ""}
    assert set(verdicts(committed, recomputed).values()) == {"ok"}


def test_the_same_dumps_leave_no_room():
    key = "performance/a:accuracy"
    assert verdicts({key: 0.5}, {key: 0.51}, frozenset({"performance/a"})) == {
        key: "moved 0.01 > 1e-09"
    }


def test_metrics_on_one_side_or_without_tolerance_are_wrong_and_focus_is_left_out():
    found = verdicts({"a/b:c": 1, "x/y:z": 1, "focus:d": 1}, {"new/b:c": 1, "x/y:z": 2})
    assert found == {
        "a/b:c": "is no longer computed",
        "new/b:c": "is not committed",
        "x/y:z": "differs, and no tolerance covers it",
    }


def test_report_table_by_hand():
    key = "performance/a:accuracy"
    table = markdown_table(
        compare_metrics({key: 0.5}, {key: 0.75}, TOLERANCES, same_dumps=frozenset())
    )
    assert table.splitlines()[2] == f"| {key} | 0.5 | 0.75 | moved 0.25 > 0.1 |"


def test_names_of_classes_keep_a_table_row_whole():
    key = "performance/a:recall.one|two\nthree"
    table = markdown_table(
        compare_metrics({key: "x|y"}, {key: None}, TOLERANCES, same_dumps=frozenset())
    )
    row = r"| performance/a:recall.one\|two three | x\|y | None | ok |"
    assert table.splitlines()[2:] == [row]


def test_an_analysis_of_analyses_goes_back_to_their_dumps(tmp_path):
    """Stage b reads what a wrote of a dump, by its folder; c reads neither."""

    def stage(outs, *deps):
        return {"outs": [{"path": outs, "md5": "0"}], "deps": list(deps)}

    lock = {
        "train@r": stage("data/models/r.pt"),
        "dump@r": stage("data/dumps/r.h5", {"path": "data/models/r.pt", "md5": "1"}),
        "a@r": stage("metrics/a/r.json", {"path": "data/dumps/r.h5", "md5": "2"}),
        "b@d": stage("metrics/b/d.json", {"path": "metrics/a", "md5": "3"}),
        "c@d": stage("metrics/c/d.json", {"path": "metrics/ab", "md5": "4"}),
    }
    path = tmp_path / "dvc.lock"
    path.write_text(yaml.safe_dump({"stages": lock}))
    dump = frozenset({("data/dumps/r.h5", "2")})
    assert read_dumps(path) == {"a/r": dump, "b/d": dump}


def test_changed_verdicts_by_hand():
    key = "claims/a:iobb_rises.r"
    old = {f"{key}.verdict": "holds", f"{key}.low": 0.1, "claims/a:new.r.verdict": "holds"}
    new = {
        f"{key}.verdict": "not decidable",
        f"{key}.low": -0.1,
        "claims/a:new.r.verdict": "holds",
    }
    assert changed_verdicts(old, new).splitlines()[2:] == [f"| {key} | holds | not decidable |"]
    assert changed_verdicts(new, new) == "None."
    assert "| None | holds |" in changed_verdicts({}, old)


@pytest.mark.parametrize("text", ["- pattern: x", "arithmetic: abc\ntraining: []", "a: [", None])
def test_tolerances_of_another_form_are_an_error(tmp_path, text):
    path = tmp_path / "tolerances.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"tolerances\.yaml: (?s:.*)benchmarks\.spread"):
        load_tolerances(path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """One run and some analyses, reproduced and committed, with no room for any difference."""
    values = tiny_params(("planted-ce",))
    values["dumps"]["saliency"]["runs"] = values["dumps"]["maps"]["runs"] = []
    project = TinyProject(
        tmp_path_factory.mktemp("one"),
        values,
        ("prepare", "train", "dump_features", *ANALYSES, "focus"),
    )
    project.repro()
    tolerances = {"arithmetic": 1e-9, "training": []}
    (project.folder / "tolerances.yaml").write_text(yaml.safe_dump(tolerances))
    project.commit("results")
    return project


@pytest.fixture
def unchanged(project, monkeypatch):
    project.git("checkout", "--quiet", "--force", "-B", "attempt", "main")
    project.run("dvc", "checkout", "--quiet", "--force")
    monkeypatch.setenv("PATH", project.path)
    return project


def test_a_tampered_metric_is_rejected(unchanged):
    path = unchanged.folder / "metrics" / "performance" / "planted-ce.json"
    metrics = json.loads(path.read_text())
    metrics["accuracy"] += 0.01
    path.write_text(json.dumps(metrics))
    unchanged.commit("tamper")
    holds, report = validate(unchanged.folder)
    assert not holds
    assert "Run `dvc repro`" in report


def test_what_a_branch_changes_names_metrics_parameters_and_verdicts(unchanged):
    path, key = unchanged.folder / "metrics" / "claims" / "planted.json", "iobb_rises"
    path.parent.mkdir(exist_ok=True)
    for verdict in ("holds", "does not hold"):
        path.write_text(json.dumps({key: {"planted-ce": {"verdict": verdict}}}))
        unchanged.commit(verdict)
    unchanged.change(lambda values: values["analyses"]["archetypes"].update(n_neighbors=6))
    unchanged.commit("change")
    report = describe_change(unchanged.folder, "HEAD~2")
    line = f"| claims/planted:{key}.planted-ce | holds | does not hold |"
    assert line in report.splitlines()
    assert "n_neighbors" in report
    assert "None." in describe_change(unchanged.folder, "HEAD")


def test_parameters_changed_without_reproducing_are_rejected(unchanged):
    unchanged.change(lambda values: values["analyses"]["archetypes"].update(n_neighbors=6))
    unchanged.commit("change")
    holds, report = validate(unchanged.folder)
    assert not holds
    assert "Run `dvc repro`" in report
    assert "archetypes@planted-ce" in report


def test_a_broken_analysis_under_a_forged_lock_is_rejected(unchanged):
    """The instance counts as its own neighbour, and dvc.lock says all is well."""
    path = unchanged.folder / "src" / "imbalens" / "analysis" / "archetypes.py"
    right = "(neighbor_labels == labels[:, None]).sum("
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, "1 + " + right))
    orphan = unchanged.folder / "metrics" / "performance" / "removed-run.json"
    orphan.write_text('{"accuracy": 0.999}')
    unchanged.run("dvc", "commit", "--force")
    unchanged.commit("break")
    assert "up to date" in unchanged.run("dvc", "repro", "--dry", "--allow-missing").stdout
    holds, report = validate(unchanged.folder)
    assert not holds
    assert f"{len(ANALYSES)} of {len(ANALYSES)} analyses read the same dumps, bit by bit" in report
    wrong = set(re.findall(r"^\| (\S+):.* moved ", report, flags=re.MULTILINE))
    assert wrong == {"archetypes/planted-ce"}, "what was not broken holds"
    assert "performance/removed-run:accuracy | 0.999 | None | is no longer computed" in report


def test_read_metrics_flattens(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "r.json").write_text('{"x": {"y": 1, "z": null}, "w": [1, 2]}')
    assert read_metrics(tmp_path) == {"a/r:x.y": 1, "a/r:x.z": None, "a/r:w": [1, 2]}
