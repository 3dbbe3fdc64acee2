"""Which of this package's code each stage depends on, as dvc.yaml declares it."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

PIPELINE = Path("dvc.yaml")
# These only carry values into a stage, which DVC tracks themselves as parameters, or refuse them,
# or say what the machine can hold: they change no result. Were they dependencies, describing a new
# analysis or wording an error anew would train every network again. Stages that cost nothing
# depend on them, and mostly write the same whatever they say.
CARRY_VALUES = (
    "src/imbalens/params/",
    "src/imbalens/errors.py",
    "src/imbalens/interrupting.py",
    "src/imbalens/locks.py",
    "src/imbalens/memory.py",
    "src/imbalens/stage.py",
)
READ_VALUES = ("check", "trained_code", "gather")
# Of losses and networks a training depends on what its own ones reach, which a stage digests.
DIGESTED = ("src/imbalens/losses", "src/imbalens/models")
DIGESTS = "trained_code"
# The modules of a package change together, or are shared by so many stages that most rerun
# anyway; DVC reads and writes all of dvc.lock after each stage, so that every line of it costs
# time. Hence packages are declared whole. Of these a stage names its parts, modules and packages,
# so that what is written about one question reruns no other; but them whole too where it reaches
# many parts, as the cheap stages do that compare runs.
WHOLE_IF_MANY = (
    "src/imbalens/analysis",
    "src/imbalens/reports",
    "src/imbalens/tables",
)
BY_PART = ("src/imbalens", "src/imbalens/dumps", *WHOLE_IF_MANY)
MANY_PARTS = 3


def import_closure(script: Path, *, root: Path) -> set[str]:
    """Return the paths, relative to the root, of the code that a stage's result depends on.

    It is the script and every module it leads to, but for those whose effect other files carry.

    Args:
        script: The stage's script.
        root: Folder of the project.
    """
    digests = script.stem == DIGESTS
    starts = [script, *(modules_below(DIGESTED, root=root) if digests else ())]
    found = follow_imports(starts, root=root, short_of=() if digests else DIGESTED)
    paths = {path.relative_to(root).as_posix() for path in found}
    if script.stem in READ_VALUES:
        return paths
    return {path for path in paths if not path.startswith(CARRY_VALUES)}


def modules_below(folders: Iterable[str], *, root: Path) -> list[Path]:
    """Return all modules of some packages, in order.

    Args:
        folders: The packages, relative to `root`.
        root: Folder of the project.
    """
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def follow_imports(
    starts: Iterable[Path], *, root: Path, short_of: tuple[str, ...] = ()
) -> list[Path]:
    """Return some modules and every one of this package that they lead to, in order.

    Args:
        starts: Python files.
        root: Folder of the project.
        short_of: Folders whose modules are left out, and what only these lead to.
    """
    found: set[Path] = set()
    waiting = list(starts)
    closed = [root / folder for folder in short_of]
    while waiting:
        path = waiting.pop()
        if path in found or any(path.is_relative_to(folder) for folder in closed):
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
    return sorted(found)


def code_dependencies(script: Path, *, root: Path) -> list[str]:
    """Return what a stage names as dependencies for its code: packages whole, or parts of them.

    Args:
        script: The stage's script.
        root: Folder of the project.
    """
    closure = import_closure(script, root=root)
    folders = {path: Path(path).parent.as_posix() for path in closure}
    named = {
        path if folder in BY_PART or path.startswith("stages/") else folder
        for path, folder in folders.items()
    }
    for package in WHOLE_IF_MANY:
        parts = {path for path in named if path.startswith(f"{package}/")}
        if len(parts) >= MANY_PARTS:
            named = named - parts | {package}
    return sorted(named)


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
