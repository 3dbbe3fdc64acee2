"""Which of this package's code each stage depends on, as dvc.yaml declares it."""

import ast
import re
from pathlib import Path

PIPELINE = Path("dvc.yaml")
PACKAGE = Path("src/imbalens")
# These only carry values into a stage; DVC tracks those values themselves as parameters.
# Were they dependencies, describing a new analysis would train every network again. What checks
# the values depends on them, and writes the same whatever they say.
CARRIES_VALUES = "src/imbalens/params/"
CHECKS_VALUES = "check"
# The modules of a package change together, or are shared by so many stages that most rerun
# anyway; DVC reads and writes all of dvc.lock after each stage, so that every line of it costs
# time. Hence packages are declared whole, except these.
BY_MODULE = (
    "src/imbalens",
    "src/imbalens/dumps",
    "src/imbalens/reading",
    "src/imbalens/reports",
    "src/imbalens/tables",
)


def import_closure(script: Path, *, root: Path) -> set[str]:
    """Return the paths, relative to the root, of a script and every module it leads to.

    Args:
        script: A Python file.
        root: Folder of the project.
    """
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
                module = root / "src" / f"{(name or '').replace('.', '/')}.py"
                if module.exists():
                    waiting.append(module)
    paths = {path.relative_to(root).as_posix() for path in found}
    if script.stem == CHECKS_VALUES:
        return paths
    return {path for path in paths if not path.startswith(CARRIES_VALUES)}


def code_dependencies(script: Path, *, root: Path) -> list[str]:
    """Return what a stage names as dependencies for its code: packages whole, or modules.

    Args:
        script: The stage's script.
        root: Folder of the project.
    """
    closure = import_closure(script, root=root)
    folders = {path: Path(path).parent.as_posix() for path in closure}
    return sorted(
        {
            path if folder in BY_MODULE or path.startswith("stages/") else folder
            for path, folder in folders.items()
        }
    )


def declare(text: str, *, root: Path) -> str:
    """Return dvc.yaml's text with the dependencies on code that the scripts have.

    Args:
        text: What dvc.yaml holds. Each stage has a block of lines that name code already.
        root: Folder of the project.
    """
    blocks = re.split(r"(?m)^(?=  \w+:$)", text)
    for place, block in enumerate(blocks):
        named = re.match(r"  (\w+):\n", block)
        script = root / "stages" / f"{named[1]}.py" if named else None
        if script is None or not script.exists():
            continue
        lines = code_dependencies(script, root=root)
        code = re.compile(r"(?m)(?:^ +- (?:src|stages)/.*\n)+")
        indent = code.search(block)
        if indent is None:
            raise ValueError(f"{PIPELINE}: the stage {script.stem} names no code")
        spaces = indent[0][: indent[0].index("-")]
        blocks[place] = code.sub("".join(f"{spaces}- {line}\n" for line in lines), block, count=1)
    return "".join(blocks)
