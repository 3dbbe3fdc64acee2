"""docs/other-tools.md: its code runs on what `imbalens export` writes, where a tool is installed.

The tools do not go together in one environment: IMBALENS_TOOL_PYTHONS lists further interpreters
that tests may run it in.
"""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from imbalens.commands.export import main as export
from stages import archetypes, explore
from tests.explore_cases import RUNS, SIZES, experiment, write_dataset
from tests.tiny import ROOT, write_params

PAGE = (ROOT / "docs/other-tools.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PYTHONS = [sys.executable, *filter(None, os.environ.get("IMBALENS_TOOL_PYTHONS", "").split(":"))]
SUMMARY = {
    "planted/ce": {"accuracy": {"value": 0.775}},
    "planted/ldam_drw": {"accuracy": {"value": 0.888, "diff": 0.113, "moved": "rose"}},
}
# what is run before a block, so that no window opens, and after it, to print what it made
WITHOUT_WINDOW = """
from renumics import spotlight
from functools import partial
opened = []
show = spotlight.show
spotlight.show = lambda *a, **k: opened.append((show(*a, **k, no_browser=True, wait=False), k))
"""
PRINT = "import json; print(); print(json.dumps(found, default=float))"
CHECKS = {
    "fiftyone": (
        "",
        "first = dataset.match({'name': table['id'][0]}).first();"
        "found = ([len(dataset), first.ground_truth.label, first.archetype,"
        " len(dataset.load_brain_results('features').points)])",
    ),
    "renumics.spotlight": (
        WITHOUT_WINDOW,
        "viewer = opened[0][0]; found = ([len(viewer.df), sorted(opened[0][1]['dtype'])]);"
        " viewer.close()",
    ),
    "cleanlab": (
        "",
        "found = ([len(issues), sorted(lab.get_issue_summary()['issue_type'])[:1],"
        " names == lab.class_names])",
    ),
    "mlflow": (
        "",
        "runs = mlflow.search_runs().set_index('tags.mlflow.runName');"
        "found = ([sorted(runs.index), round(runs['metrics.accuracy_diff'].max(), 3),"
        " runs['tags.accuracy_moved'].dropna().tolist()])",
    ),
}
MADE = {
    "fiftyone": lambda table: [*len_and_first(table), sum(SIZES.values())],
    "renumics.spotlight": lambda table: [len(table), ["features", "path"]],
    "cleanlab": lambda table: [(table["split"] == "train").sum(), ["class_imbalance"], True],
    "mlflow": lambda _: [["planted/ce", "planted/ldam_drw"], 0.113, ["rose"]],
}


def len_and_first(table):
    return [len(table), table["label"][0], table["archetype"][0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run exported under the name that the page has, and a summary."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    folder = tmp_path_factory.mktemp("tools")
    write_params(folder, experiment())
    write_dataset(folder, "shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        explore.main(["shapes"])
        archetypes.main([RUNS["shapes"][0]])
        out = "work/planted-ce.parquet"
        export([RUNS["shapes"][0], "--out", out, "--pictures", "work/pictures"])
        (folder / "metrics/summary.json").write_text(json.dumps(SUMMARY), encoding="utf-8")
    return folder


def python_with(tool):
    """An interpreter that has a tool; the test is skipped without one."""
    script = f"import importlib.util as u, sys; sys.exit(u.find_spec({tool!r}) is None)"
    for python in PYTHONS:
        if (
            subprocess.run([python, "-c", script], capture_output=True, check=False).returncode
            == 0
        ):
            return python
    pytest.skip(f"{tool} is not installed")


def test_each_tool_has_its_block():
    assert len(BLOCKS) == len(CHECKS)
    for tool in CHECKS:
        module = tool.split(".")[0]
        assert (
            sum(
                re.search(rf"^(import|from) {module}", b, re.MULTILINE) is not None for b in BLOCKS
            )
            == 1
        )


def test_every_column_is_explained():
    from imbalens.tables.export import FEATURES, IMAGE, OF_CLASSES, OF_LABELS, SCORES

    for column in (*IMAGE, *OF_CLASSES, *OF_LABELS, *SCORES, *FEATURES):
        shown = re.sub(r"\{\w+\}", "...", column.name).replace("feature_...", "feature_0000")
        assert f"`{shown}`" in PAGE, column.name


def test_the_summary_is_of_the_form_that_the_page_reads():
    summary = json.loads((ROOT / "metrics/summary.json").read_text(encoding="utf-8"))
    for measures in summary.values():
        for found in measures.values():
            assert set(found) in ({"value"}, {"value", "diff", "moved"})


@pytest.mark.parametrize("tool", CHECKS)
def test_the_code_runs(folder, tool):
    python = python_with(tool)
    module = tool.split(".")[0]
    (block,) = (b for b in BLOCKS if re.search(rf"^(import|from) {module}", b, re.MULTILINE))
    before, after = CHECKS[tool]
    environment = {**os.environ, "FIFTYONE_DO_NOT_TRACK": "true", "PYTHONPATH": ""}
    done = subprocess.run(
        [python, "-c", f"{before}\n{block}\n{after}\n{PRINT}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_parquet(folder / "work/planted-ce.parquet")
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == MADE[tool](table)
