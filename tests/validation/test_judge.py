"""Two runs of one dataset: weights, dump, metrics and a table, as dvc.lock and git keep them."""

import json
import shutil

import pytest
import yaml

from imbalens.errors import InputError
from imbalens.validation import judge as judge_module
from imbalens.validation.judge import judge
from imbalens.validation.lock import read_lock
from tests.validation.cases import CE, LDAM, commit_all, params_of, rules_of, write_lock

DATA = "data/prepared/planted.h5"
TABLE = "plots/prepare/planted.csv"
INSTANCES = "data/instances/archetypes/{}.csv"
THREE = {"performance.accuracy": 0.01, "performance.few": 0.1, "archetypes.share.safe": 0.02}
VALUES = {  # accuracy, few, share of safe instances
    CE: (0.8, 0.1, 0.9),
    LDAM: (0.9, 0.4, 0.8),
}


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")


def write_side(folder, values=VALUES, *, weights="w", verdict="holds"):
    """Write the metrics, and a dvc.lock whose hashes are the files' contents."""
    stages = {
        "prepare@planted": ({}, {DATA: "p", TABLE: "t", "metrics/prepare/planted.json": "m"})
    }
    (folder / TABLE).parent.mkdir(parents=True)
    (folder / TABLE).write_text("class,count\na,1\n", encoding="utf-8")
    write_json(folder / "metrics/prepare/planted.json", {"classes": 10})
    for run, (accuracy, few, safe) in values.items():
        performance, archetypes = (
            f"metrics/{stage}/{run}.json" for stage in ("performance", "archetypes")
        )
        write_json(folder / performance, {"accuracy": accuracy, "few": few})
        write_json(folder / archetypes, {"share": {"safe": safe}})
        model, dump = f"data/models/{run}.pt", f"data/dumps/features/{run}.h5"
        trained = f"{weights}-{run}"
        stages[f"train@{run}"] = ({DATA: "p"}, {model: trained})
        stages[f"dump_features@{run}"] = ({model: trained}, {dump: trained})
        hashed = f"{accuracy} {few}"
        stages[f"performance@{run}"] = ({dump: trained}, {performance: hashed})
        outs = {archetypes: f"{safe}", INSTANCES.format(run): f"{trained} instances"}
        stages[f"archetypes@{run}"] = ({dump: trained}, outs)
    write_json(folder / "metrics/claims/planted.json", {"rises": {LDAM: {"verdict": verdict}}})
    # of a dump, so that nothing git keeps is enough to compute it again
    dumps = {f"data/dumps/features/{CE}.h5": f"{weights}-{CE}"}
    stages["claims@planted"] = (dumps, {"metrics/claims/planted.json": verdict})
    write_lock(folder, stages)
    return stages


def change_text(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def sides(tmp_path):
    """Folders as committed and as recomputed, equal, and that of an empty base."""
    for name in ("committed", "recomputed"):
        write_side(tmp_path / name)
    (tmp_path / "base").mkdir()
    commit_all(tmp_path / "committed")
    return tmp_path


def judged(folder, headlines=THREE):
    return judge(
        folder / "committed",
        folder / "recomputed",
        rules_of({"planted": headlines}),
        params_of(folder),
        folder / "base",
    )


def places(judgement):
    return [problem.place for problem in judgement.problems]


def commit_side(folder, **changes):
    """Commit other results; what is recomputed stays."""
    shutil.rmtree(folder / "committed")
    write_side(folder / "committed", **changes)
    commit_all(folder / "committed")


def test_equal_results_hold_and_nothing_is_left_unchecked(sides):
    found = judged(sides)
    assert found.problems == []
    assert found.not_reproduced == []
    assert found.unchecked == []
    assert len(found.dumps) == 2
    assert {headline.measure for headline in found.headlines["planted"]} == set(THREE)


def test_what_is_computed_from_the_same_has_to_be_the_same(sides):
    commit_side(sides, values={**VALUES, CE: (0.8, 0.1001, 0.9)})
    found = judged(sides)
    assert places(found) == [f"metrics/performance/{CE}.json:few"], "within the headline's limit"
    assert "0.1001" in found.problems[0].text


def test_bytes_count_not_only_values(sides):
    path = sides / "committed/metrics/prepare/planted.json"
    path.write_text('{"classes":10}', encoding="utf-8")
    assert places(judged(sides)) == ["metrics/prepare/planted.json"]


def test_a_damaged_table_is_a_problem_not_a_crash(sides):
    (sides / "committed" / TABLE).write_bytes(b"class,count\n\xff,1\n")
    (problem,) = judged(sides).problems
    assert problem.place == TABLE
    assert "cannot be read" in problem.text


def test_a_table_that_git_does_not_keep_is_held_by_its_hash(sides):
    change_text(sides / "committed/dvc.lock", f"w-{CE} instances", "forged")
    assert places(judged(sides)) == [INSTANCES.format(CE)]


def test_the_hash_of_a_folder_is_not_believed(sides):
    """Git keeps no folder of dumps: whatever dvc.lock says of it, its files are what counts."""
    for side, md5 in (("committed", "forged.dir"), ("recomputed", "real.dir")):
        lock = yaml.safe_load((sides / side / "dvc.lock").read_text(encoding="utf-8"))
        lock["stages"]["claims@planted"]["deps"] = [{"path": "data/dumps/features", "md5": md5}]
        (sides / side / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    assert judged(sides).problems == []
    path = sides / "committed/metrics/claims/planted.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace("holds", "not decided"), encoding="utf-8"
    )
    assert places(judged(sides)) == [f"metrics/claims/planted.json:rises.{LDAM}.verdict"]


def add_comparison(sides):
    """Add a stage that reads a run's metrics, by a list of them that has a forged hash."""
    path, metrics = "data/gathered/compare/planted.json", f"metrics/performance/{CE}.json"
    write_json(sides / "recomputed" / path, {"files": {metrics: "sha"}})
    for side, md5 in (("committed", "forged"), ("recomputed", "real")):
        lock = yaml.safe_load((sides / side / "dvc.lock").read_text(encoding="utf-8"))
        gathered, outs = [{"path": path, "md5": md5}], [{"path": "plots/compare/planted.csv"}]
        lock["stages"] |= {
            "gather@planted": {"deps": [{"path": metrics}], "outs": gathered},
            "compare@planted": {"deps": gathered, "outs": outs},
        }
        (sides / side / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
        table = sides / side / "plots/compare/planted.csv"
        table.parent.mkdir(parents=True)
        table.write_text(f"run,accuracy\n{CE},{md5}\n", encoding="utf-8")
    shutil.rmtree(sides / "committed/.git")
    commit_all(sides / "committed")


def test_what_was_gathered_stands_for_the_files_that_it_lists(sides):
    add_comparison(sides)
    assert places(judged(sides)) == [
        "plots/compare/planted.csv:2:accuracy",
        "data/gathered/compare/planted.json",
    ]


def test_what_lists_files_that_are_kept_is_computed_from_these(sides, monkeypatch):
    again = []
    monkeypatch.setattr(
        judge_module, "_compute_again", lambda stages, *_: again.extend(stages) or []
    )
    commit_side(sides, weights="elsewhere", values={**VALUES, CE: (0.806, 0.15, 0.9)})
    add_comparison(sides)
    assert judged(sides).problems == []
    assert again == ["compare@planted"]


def test_what_nothing_checked_is_a_problem_where_all_dumps_are_reproduced(sides):
    """The forged data say that other inputs were there; no dump is of them."""
    lock = sides / "committed/dvc.lock"
    lock.write_text(
        lock.read_text(encoding="utf-8").replace("md5: p\n", "md5: q\n"), encoding="utf-8"
    )
    assert set(places(judged(sides))) == {TABLE, "metrics/prepare/planted.json"}


def test_where_trainings_come_out_otherwise_headlines_are_held(sides):
    commit_side(sides, weights="elsewhere", values={**VALUES, CE: (0.806, 0.15, 0.9)})
    found = judged(sides)
    assert found.problems == []
    assert len(found.not_reproduced) == 2
    assert f"metrics/performance/{CE}.json" in found.unchecked
    assert "metrics/prepare/planted.json" not in found.unchecked
    commit_side(sides, weights="elsewhere", values={**VALUES, CE: (0.99, 0.1, 0.9)})
    found = judged(sides)
    assert places(found) == [f"performance/{CE}.json:accuracy"]
    assert "moved 0.19, allowed 0.01" in found.problems[0].text


def test_a_headline_that_is_no_number_any_more_is_wrong(sides):
    commit_side(sides, weights="elsewhere", values={**VALUES, CE: (None, 0.1, 0.9)})
    assert places(judged(sides)) == [f"performance/{CE}.json:accuracy"]


@pytest.mark.parametrize(("verdict", "wrong"), [("does not hold", True), ("not decided", False)])
def test_a_verdict_may_become_undecidable_but_not_its_opposite(sides, verdict, wrong):
    commit_side(sides, weights="elsewhere", verdict=verdict)
    found = judged(sides)
    assert [item.before for item in found.verdicts] == [verdict]
    assert bool(found.problems) is wrong


@pytest.mark.parametrize("weights", ["forged", "w"])
def test_dumps_that_come_out_as_the_base_has_them_are_not_to_have_another_hash(sides, weights):
    write_side(sides / "base")
    commit_side(sides, weights=weights)
    made = ("data/models/{}.pt", "data/dumps/features/{}.h5")
    forged = [place.format(run) for run in (CE, LDAM) for place in made]
    assert sorted(places(judged(sides))) == sorted(forged if weights == "forged" else [])


def test_fewer_than_three_headlines_are_an_error(sides):
    found = judged(sides, headlines={"performance.accuracy": 0.01, "performance.few": 0.2})
    assert places(found) == ["validation/rules.yaml:headlines.planted"]
    assert "has 1 numbers" in found.problems[0].text
    assert found.fallen == {"planted": ["performance.few"]}


def test_what_is_on_one_side_only_is_wrong(sides):
    write_json(sides / "committed/metrics/performance/best.json", {"accuracy": 1.0})
    (sides / "committed/metrics/prepare/planted.json").unlink()
    commit_all(sides / "committed")
    change_text(sides / "recomputed/dvc.lock", "claims@", "verdicts@")
    found = {(problem.place, problem.text) for problem in judged(sides).problems}
    assert found == {
        ("metrics/performance/best.json", "is no longer computed"),
        ("metrics/prepare/planted.json", "is not committed"),
        ("metrics/claims/planted.json", "was checked by nothing"),
        ("dvc.lock", "stage claims@planted is no longer run"),
        ("dvc.lock", "stage verdicts@planted is not committed"),
    }


def test_a_lock_without_code(tmp_path):
    write_lock(tmp_path, {"a": ({"src/x.py": "1", "stages/a.py": "2", DATA: "3"}, {"m": "4"})})
    assert read_lock(tmp_path)["a"].deps == {DATA: "3"}


@pytest.mark.parametrize(
    "content", [b"\xff", b"[" * 2000, b"- x", b"stages: [1]", b"stages: &a {a: *a}", b""]
)
def test_a_lock_that_is_none_is_an_error(tmp_path, content):
    (tmp_path / "dvc.lock").write_bytes(content)
    with pytest.raises(InputError, match=r"dvc\.lock: cannot be read \((?s:.*)run: dvc repro"):
        read_lock(tmp_path)
