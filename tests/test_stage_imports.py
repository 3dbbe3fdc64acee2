"""What stages import: modules of the package, and no library that they do not use."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import ROOT

SOURCES = sorted([*(ROOT / "stages").glob("*.py"), *(ROOT / "src/imbalens").rglob("*.py")])
TRAINING = {"dump_features", "dump_maps", "dump_saliency", "train"}
SLOW = ("scipy.optimize", "scipy.stats", "sklearn", "torch", "torchvision")  # .4 to 1.5 s each


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_imports_modules_and_not_the_top_of_the_package(path):
    """What `imbalens` itself offers is loaded by name, which no closure of imports sees."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "imbalens" not in {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "imbalens":
            for alias in node.names:
                module = ROOT / "src/imbalens" / alias.name
                assert module.is_dir() or module.with_suffix(".py").is_file()


def slow_imports(stages, tmp_path):
    script = (
        "import importlib, json, sys\n"
        f"for stage in {stages}: importlib.import_module(f'stages.{{stage}}')\n"
        f"print(json.dumps([name for name in {SLOW} if name in sys.modules]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    return json.loads(ended.stdout)


def test_a_stage_loads_no_library_that_it_does_not_use(tmp_path):
    stages = {path.stem for path in Path(ROOT / "stages").glob("*.py")}
    assert slow_imports(sorted(stages - TRAINING), tmp_path) == []
    assert set(slow_imports(sorted(TRAINING), tmp_path)) <= {"torch", "torchvision"}
