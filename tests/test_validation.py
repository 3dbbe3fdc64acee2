"""The whole validation, on a repository of two tiny trainings and some analyses."""

import json
import shutil

import pytest

from benchmarks.tampering import append_bytes, change_metrics, judge_commit, replace_text
from imbalens.commands.validate import main
from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.validation import repository as git
from imbalens.validation.pinned import pin
from imbalens.validation.rules import RULES, Closeness, Rules
from imbalens.validation.spread import format_rules
from imbalens.validation.summary import first_line, write_summary
from imbalens.validation.validate import validate
from tests.tiny import ROOT, RUNS, TinyProject, tiny_params

ANALYSES = ("performance", "archetypes", "adversaries", "feature_overlap")
SUMMARY = ("gather", "differences", "summary", "focus")
CE, LDAM = RUNS
OF_CE = f"metrics/performance/{CE}.json"
DUMP = f"data/dumps/features/{CE}.h5"
HEADLINES = (
    "train.loss",
    "feature_overlap.mean_density_ratio",
    "feature_overlap.own_density_ratio",
)
RECALLS = change_metrics(OF_CE, lambda v: v.update(recall=dict.fromkeys(v["recall"], 1.0)))


@pytest.fixture(scope="module")
def project(tmp_path_factory, dvc_cache):
    """Two runs and some analyses, reproduced, pinned and committed."""
    values = tiny_params()
    values["dumps"]["saliency"]["runs"] = values["dumps"]["maps"]["runs"] = []
    values["false_positives"] = {}
    stages = ("check", "prepare", "trained_code", "train", "dump_features", *ANALYSES, *SUMMARY)
    project = TinyProject(tmp_path_factory.mktemp("two"), values, stages, dvc_cache)
    project.repro()
    shutil.copytree(ROOT / "validation", project.folder / "validation")
    pin_less(project.folder / "validation/params.yaml")
    rules = Rules(
        pinned=Closeness(relative=1e-6, absolute=1e-7),
        multiple=1.5,
        candidates=HEADLINES,
        headlines={"planted": dict.fromkeys(HEADLINES, 1e-6)},
        too_wide={"planted": ()},
    )
    (project.folder / RULES).write_text(format_rules(rules), encoding="utf-8")
    pin(project.folder, dumps=False)
    project.commit("results")
    return project


def pin_less(path):
    """Keep one set of results, and of the pinned runs those that are like the project's."""
    pinned = read_yaml(path)
    pinned["runs"] = {name: pinned["runs"][name] for name in RUNS}
    pinned["baselines"] = []
    pinned["datasets"] = {"planted": pinned["datasets"]["planted"]}
    pinned["dumps"]["saliency"]["runs"] = pinned["dumps"]["maps"]["runs"] = []
    pinned["false_positives"] = {}
    pinned["analyses"] = {"default": pinned["analyses"]["default"]}
    path.write_text(format_yaml(pinned), encoding="utf-8")


@pytest.fixture(scope="module")
def validated(project, tmp_path_factory):
    """Outcome of the validation, and the clone in which everything was computed anew."""
    recomputed = tmp_path_factory.mktemp("validated") / "recomputed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", project.path)
        return validate(project.folder, keep=recomputed), recomputed


@pytest.fixture
def attempt(project, monkeypatch):
    """The project on a branch of its own, without what the test before did to it."""
    is_changed = project.git("diff", "main", "--", "dvc.lock")
    project.git("checkout", "--quiet", "--force", "-B", "attempt", "main")
    if is_changed:  # as outputs of DVC are not without it
        project.run("dvc", "checkout", "--quiet", "--force")
    monkeypatch.setenv("PATH", project.path)
    return project


def commit(project, *edits, fits=True):
    for edit in edits:
        edit(project.folder)
    if fits:
        project.run("dvc", "commit", "--force", "--quiet")
    project.commit("attempt")


def places(outcome):
    return [problem.place for problem in outcome.problems]


def test_what_was_reproduced_holds(validated):
    outcome, _ = validated
    assert outcome.problems == []
    assert first_line(outcome) == (
        "Rules changed: validation/rules.yaml, validation/params.yaml, validation/dumps. "
        "All 2 dumps reproduced: every kept number checked."
    )
    summary = write_summary(outcome)
    assert "## Validation: passed" in summary
    assert "| headlines held, per run | planted 3 |" in summary
    assert "has none" in summary, "the base has no rules, and the summary says so"
    assert outcome.n_pinned > 1_000


def test_a_tampered_metric_under_a_lock_that_does_not_fit_is_rejected(attempt, validated):
    commit(attempt, RECALLS, fits=False)
    outcome = judge_commit(attempt.folder, validated[1])
    assert places(outcome) == ["dvc.lock"]
    assert "run `dvc repro`" in outcome.problems[0].text


def test_a_tampered_metric_under_a_lock_that_fits_is_rejected(attempt, validated):
    commit(attempt, RECALLS)
    outcome = judge_commit(attempt.folder, validated[1])
    found = {place.rpartition(".")[0] for place in places(outcome)}
    assert found == {f"{OF_CE}:recall"}


def test_a_forged_hash_of_a_dump_is_rejected(attempt, validated):
    """What was computed from it could not be checked any more."""
    commit(attempt, RECALLS, append_bytes(DUMP))
    outcome = judge_commit(attempt.folder, validated[1])
    assert places(outcome)[0] == DUMP
    assert "comes out as it was before" in outcome.problems[0].text
    assert first_line(outcome).startswith("1 of 2 dumps not reproduced")


def test_parameters_changed_without_reproducing_are_rejected(attempt, validated):
    attempt.change(lambda values: values["analyses"]["archetypes"].update(n_neighbors=6))
    attempt.commit("change")
    outcome = judge_commit(attempt.folder, validated[1])
    assert places(outcome) == ["dvc.lock"]
    assert f"archetypes@{CE}" in outcome.problems[0].text
    assert "n_neighbors" in write_summary(outcome)


def test_a_broken_analysis_is_rejected_whatever_its_results_are(attempt, validated):
    """Neighbours of other classes count, and dvc.lock says all is well."""
    right, wrong = r"\[neighbors\.neighbor\] == labels", "[neighbors.neighbor] != labels"
    commit(attempt, replace_text("src/imbalens/analysis/archetypes/judging.py", right, wrong))
    outcome = judge_commit(attempt.folder, validated[1])
    assert outcome.problems
    assert all(place.startswith("validation/results/") for place in places(outcome))
    assert {place.split("/")[4] for place in places(outcome)} >= {"archetypes"}


def test_no_change_decides_how_close_its_own_pinned_results_have_to_come(attempt, validated):
    commit(
        attempt,
        replace_text(RULES.as_posix(), r"^pinned: .*$", "pinned: {relative: 9.0, absolute: 9.0}"),
        replace_text(
            "src/imbalens/analysis/adversaries/scores.py",
            r"np\.log\(p / q\)",
            "1.01 * np.log(p / q)",
        ),
    )
    outcome = judge_commit(attempt.folder, validated[1])
    assert outcome.problems
    assert all(place.startswith("validation/results/") for place in places(outcome))


def test_where_a_dump_is_not_reproduced_the_first_line_says_so(attempt, validated, tmp_path):
    recomputed = tmp_path / "elsewhere"
    shutil.copytree(validated[1], recomputed, symlinks=True)
    append_bytes(DUMP)(recomputed)
    git.run(["dvc", "commit", "--force", "--quiet"], recomputed)
    attempt.git("commit", "--quiet", "--allow-empty", "--message", "nothing")
    outcome = judge_commit(attempt.folder, recomputed)
    line = "1 of 2 dumps not reproduced: numbers outside the headlines unchecked."
    assert write_summary(outcome).splitlines()[0] == line
    assert outcome.problems == []
    strict = judge_commit(attempt.folder, recomputed, strict=True)
    assert places(strict) == [DUMP]
    commit(attempt, change_metrics("metrics/focus.json", lambda v: v.update(few=0.9)))
    tampered = judge_commit(attempt.folder, recomputed)
    assert "metrics/focus.json:few" in places(tampered), "computed from what git keeps"


def test_changed_rules_are_named_first_and_do_not_count(attempt, validated):
    commit(attempt, replace_text(RULES.as_posix(), r"train\.loss: .*$", "train.loss: 9.0"))
    outcome = judge_commit(attempt.folder, validated[1])
    summary = write_summary(outcome)
    assert summary.startswith(f"Rules changed: {RULES.as_posix()}. ")
    key = f"{RULES.as_posix()}:headlines.planted.train.loss"
    assert f"| {key} | 1e-06 | 9 |" in summary
    assert "of the base" in outcome.rules_from
    assert outcome.judgement.fallen == {"planted": []}, "9.0 would tell no losses apart"


def test_changed_pinned_results_and_verdicts_are_named(attempt, validated):
    path = attempt.folder / "validation/results/default/metrics/archetypes/planted-ce.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    safe, metrics["share"]["safe"] = metrics["share"]["safe"], 0.5
    path.write_text(json.dumps(metrics), encoding="utf-8")
    claims = attempt.folder / "metrics/claims/planted.json"
    claims.parent.mkdir()
    claims.write_text('{"rises": {"planted-ce": {"verdict": "holds"}}}', encoding="utf-8")
    attempt.commit("change")
    summary = write_summary(judge_commit(attempt.folder, validated[1]))
    row = f"| default/metrics/archetypes/planted-ce.json | 1 | share.safe | {safe:.6g} | 0.5 |"
    assert row in summary
    assert "| claims/planted.json:rises.planted-ce | None | holds |" in summary


def test_a_name_that_is_shell_runs_nothing(attempt, tmp_path, monkeypatch, capsys):
    pwned, summary = tmp_path / "pwned", tmp_path / "summary.md"
    path = attempt.folder / "params.yaml"
    values = read_yaml(path)
    values["runs"][f"a; touch {pwned}"] = values["runs"][CE] | {"seed": 5}
    path.write_text(format_yaml(values), encoding="utf-8")
    attempt.commit("attack")
    monkeypatch.chdir(attempt.folder)
    with pytest.raises(SystemExit):
        main(["--summary", str(summary)])
    assert not pwned.exists()
    assert "found the name 'a; touch" in summary.read_text(encoding="utf-8")
    assert "## Validation: rejected" in capsys.readouterr().out


def test_the_numbers_of_a_readme_are_filled_in(attempt, monkeypatch, validated):
    accuracy = json.loads((attempt.folder / OF_CE).read_text(encoding="utf-8"))["accuracy"]
    head = "| what | `planted/ce` | where |\n|---|---:|---|\n"
    readme = attempt.folder / "README.md"
    readme.write_text(head + "| accuracy | 0.999 | `performance: accuracy` |\n", encoding="utf-8")
    attempt.commit("boast")
    assert places(judge_commit(attempt.folder, validated[1])) == ["README.md:3"]
    monkeypatch.chdir(attempt.folder)
    main(["readme"])
    row = f"| accuracy | {accuracy:.3f} | `performance: accuracy` |\n"
    assert readme.read_text(encoding="utf-8") == head + row
