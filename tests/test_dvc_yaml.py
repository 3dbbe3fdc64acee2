import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import networkx
import pytest
import yaml
from dvc.repo import Repo

from imbalens.code_dependencies import declare, import_closure
from imbalens.params.experiment import Experiment
from imbalens.params.loading import DEFAULTS_PATH, read_yaml

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def declared(stage: dict) -> dict:
    return stage.get("do", stage)


def test_dvc_yaml_names_the_code_that_the_scripts_import():
    text = (ROOT / "dvc.yaml").read_text()
    assert declare(text, root=ROOT) == text, "run: imbalens dependencies --write"


@pytest.mark.parametrize("name", STAGES)
def test_every_imported_module_lies_under_a_declared_path(name):
    deps = declared(STAGES[name])["deps"]
    closure = import_closure(ROOT / "stages" / f"{name}.py", root=ROOT)
    assert len(closure) > 2
    for path in closure:
        assert any(f"{path}/".startswith(f"{dep}/") for dep in deps), path


def test_stages_stand_in_an_order_in_which_they_can_run():
    """The validation runs them so, without DVC."""
    names, n_checked = list(STAGES), 0
    for reader in names:
        for dep in map(any_name, declared(STAGES[reader])["deps"]):
            for writer in names:
                if any(f"{out}/".startswith(f"{dep}/") for out in outputs(STAGES[writer])):
                    assert names.index(writer) < names.index(reader), dep
                    n_checked += 1
    assert n_checked > 40


def test_a_folder_that_is_read_is_there_in_every_experiment():
    """Whatever `dumps` lists: of a folder that is absent DVC says that there is no such file."""
    always = [name for name in STAGES if "${dumps." not in str(STAGES[name].get("foreach"))]
    made = [out for name in always for out in outputs(STAGES[name])]
    kept = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {
        dep
        for stage in STAGES.values()
        for dep in declared(stage)["deps"]
        if "${" not in dep and not Path(dep).suffix
    }
    absent = {
        one
        for one in folders
        if not any(f"{each}/".startswith(f"{one}/") for each in (*made, *kept))
    }
    assert len(folders) > 10
    assert not absent


def outputs(stage):
    body = declared(stage)
    entries = [entry for key in ("outs", "metrics", "plots") for entry in body.get(key, [])]
    return [any_name(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]


def any_name(path):
    return re.sub(r"\$\{[^}]+\}", "*", path)


def test_every_script_is_a_stage():
    assert {path.stem for path in (ROOT / "stages").glob("*.py")} == set(STAGES)


def test_what_is_computed_for_hours_depends_on_no_question():
    """Nor on what is shown: a new analysis, its tables and its figures rerun nothing of these."""
    shown = ("analysis", "reading", "reports", "tables")
    allowed = {
        "prepare": {"reports/common", "reports/prepare.py"},
        "train": {"tables/train.py"},
        "dump_features": set(),
        "dump_saliency": set(),
        "dump_maps": set(),
    }
    for name, parts in allowed.items():
        deps = {dep.removeprefix("src/imbalens/") for dep in declared(STAGES[name])["deps"]}
        assert {dep for dep in deps if dep.split("/")[0] in shown} == parts, name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_calls_and_writes(name):
    script = (ROOT / "stages" / f"{name}.py").read_text()
    assert len(script.splitlines()) <= 50, "what is composed belongs in a package"


@pytest.mark.parametrize("name", [name for name in STAGES if name.startswith(("perf", "arch"))])
def test_import_closure_finds_indirect_imports(name):
    assert "src/imbalens/analysis/common/counting.py" in import_closure(
        ROOT / "stages" / f"{name}.py", root=ROOT
    )


def test_modules_are_imported_by_name_never_from_the_packages_top():
    """What is taken from there, the import closure does not see."""
    ours = [*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py")]
    assert len(ours) > 200
    found = []
    for path in ours:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [path for alias in node.names if alias.name == "imbalens"]
            elif isinstance(node, ast.ImportFrom):
                found += [path] * (node.module == "imbalens")
    assert found == []


def test_only_training_and_dumps_may_need_torch():
    needs_torch = {"train", "dump_features", "dump_saliency", "dump_maps"}
    others = [name for name in STAGES if name not in needs_torch]
    assert loads_torch(others) == dict.fromkeys(others, False)
    for name in needs_torch:  # in a process of its own, as what is loaded stays
        assert loads_torch([name]) == {name: True}


def loads_torch(names):
    """Say of each stage whether torch is loaded after it, and those before it, were imported."""
    code = (
        "import importlib, json, sys\n"
        "def loads(name):\n"
        "    importlib.import_module(f'stages.{name}')\n"
        "    return 'torch' in sys.modules\n"
        f"print(json.dumps({{name: loads(name) for name in {names}}}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def test_metrics_and_plot_data_are_committed_and_figures_are_not():
    for stage in STAGES.values():
        body = declared(stage)
        for entry in [*body.get("metrics", []), *body.get("plots", [])]:
            ((path, options),) = entry.items()
            assert path.endswith((".json", ".csv"))
            assert options["cache"] is False
        for entry in body.get("outs", []):
            if isinstance(entry, dict):
                ((path, options),) = entry.items()
                assert path.endswith((".csv", ".md", ".json"))
                assert not path.startswith("plots/figures/")
                assert options == {"cache": False}
            else:
                assert entry.startswith(("data/", "plots/figures/")) or entry.endswith(".html")


def test_plot_templates_exist():
    named = {
        options["template"]
        for stage in STAGES.values()
        for entry in declared(stage).get("plots", [])
        for options in entry.values()
    }
    assert named == {path.stem for path in (ROOT / ".dvc" / "plots").glob("*.json")}


@pytest.mark.parametrize("name", [name for name in STAGES if name != "check"])
def test_a_stage_names_the_defaults_of_what_it_names_of_params_yaml(name):
    """`check` depends on their file. What a stage names by its last key has to have no default."""
    defaults = read_yaml(DEFAULTS_PATH)
    path, tracked, wanted = DEFAULTS_PATH.relative_to(ROOT).as_posix(), set(), set()
    for entry in declared(STAGES[name]).get("params", []):
        if isinstance(entry, dict):
            tracked |= set(entry.get(path, ()))
            continue
        section, _, key, *rest = [*any_name(entry).split("."), "", ""]
        if section in defaults and not key:
            wanted.add(section)
        default = defaults.get(section, {}).get(key)
        # of a list of choices, what chooses has none
        assert default is None or (isinstance(default, list) and rest[0] == "kind"), entry
    assert tracked == wanted


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
def test_all_parameters_are_checked_first():
    assert next(iter(STAGES)) == "check"
    *of_experiment, of_analyses = STAGES["check"]["params"]
    assert set(of_experiment) == set(Experiment.model_fields)
    assert of_analyses == {"analyses.yaml": None}, "all of it"
    graph = Repo(str(ROOT)).index.graph
    check = next(stage for stage in graph if stage.addressing.endswith("check"))
    assert set(graph) == {check, *networkx.ancestors(graph, check)}, "what depends on it"


def test_a_stage_that_takes_names_from_params_yaml_waits_for_their_check():
    """Whatever its names lead to: through the same names, down to a stage that waits by itself."""
    writers = {
        (body["foreach"], out if isinstance(out, str) else next(iter(out)))
        for stage, body in STAGES.items()
        if stage != "check" and "foreach" in body
        for kind in ("outs", "metrics", "plots")
        for out in body["do"].get(kind, [])
    }
    for name, stage in STAGES.items():
        if "foreach" in stage:
            deps = stage["do"]["deps"]
            through = {(stage["foreach"], dep) for dep in deps} & writers
            assert "data/checked.txt" in deps or through, name


def test_commands_and_paths_hold_names_and_nothing_else_of_params_yaml():
    """`Params` restricts these; any other text would reach the shell as it is."""
    text = (ROOT / "dvc.yaml").read_text()
    used = set(re.findall(r"\$\{(.*?)\}", text))
    sections = {"datasets", "runs", "false_positives", "dumps.saliency.runs", "dumps.maps.runs"}
    keys = ("dataset", "method", "recipe", "baseline", "other")
    names = {"key", "item", *(f"item.{key}" for key in keys)}
    assert used == sections | names
    for name, stage in STAGES.items():
        assert re.fullmatch(
            rf"python stages/{name}\.py( \$\{{(key|item)\}})?", declared(stage)["cmd"]
        )
