"""Which of this package's files a script runs, read from its import statements."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
# These only carry values into a stage; DVC tracks those values themselves as parameters.
# Were they dependencies, describing a new analysis would train every network again. What checks
# the values depends on them, and writes the same whatever they say.
CARRIES_VALUES = "src/imbalens/params/"
CHECKS_VALUES = "check"
# Declared as a whole: DVC reads and writes all of dvc.lock after each stage, so that every line
# of it costs time. These change together, or are shared by so many stages that most rerun anyway.
FOLDERS = tuple(
    f"src/imbalens/{folder}"
    for folder in (
        "analysis/claims",
        "analysis/common",
        "core",
        "data",
        "losses",
        "models",
        "params",
        "reports/common",
        "reports/explore",
        "reports/page",
        "training",
    )
)


def import_closure(script: Path) -> set[str]:
    """Return the paths, relative to the root, of `script` and every module it leads to."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                module = ROOT / "src" / f"{(name or '').replace('.', '/')}.py"
                if module.exists():
                    waiting.append(module)
    paths = {path.relative_to(ROOT).as_posix() for path in found}
    if script.stem == CHECKS_VALUES:
        return paths
    return {path for path in paths if not path.startswith(CARRIES_VALUES)}


def declare(script: Path) -> list[str]:
    """Return what a stage names as dependencies for its code: the closure, `FOLDERS` as one."""
    declared = set()
    for path in import_closure(script):
        declared.add(next((folder for folder in FOLDERS if path.startswith(f"{folder}/")), path))
    return sorted(declared)
