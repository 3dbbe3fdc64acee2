"""Which of this package's files a script runs, read from its import statements."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
# These only carry values into a stage; DVC tracks those values themselves as parameters.
# Were they dependencies, describing a new analysis would train every network again.
CARRIES_VALUES = {"src/imbalens/params.py", "src/imbalens/params_errors.py"}


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
    return {path.relative_to(ROOT).as_posix() for path in found} - CARRIES_VALUES
