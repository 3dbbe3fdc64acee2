"""Functions of one's own that make networks, named in params.yaml as package.module:function.

They are looked for in the project's folder first, where they lie in its folder `networks`.
"""

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imbalens.errors import InputError
from imbalens.params.errors import listed, shown
from imbalens.params.runs import Factory, Model, Python

FOLDER = "networks"  # of the project; dvc.yaml has it
MAX_FOREIGN = 240  # characters of what another program says


def import_factory(factory: Factory) -> Callable[..., Any]:
    """Import a function, with the project's folder in the search path.

    Args:
        factory: The function, as package.module:function.

    Raises:
        InputError: if it cannot be imported, or is none.
    """
    place, _, name = factory.partition(":")
    with _project_in_path():
        try:
            module = importlib.import_module(place)
        except (Exception, SystemExit) as error:  # a module of one's own raises anything
            raise InputError(
                f"{factory}: cannot be imported ({describe_error(error)}); put the module into "
                "the project's folder, such as networks/mine.py for networks.mine:build, or "
                "install it"
            ) from error
        function = getattr(module, name, None)
        if not callable(function):
            found = "no such name" if function is None else f"found {shown(function)}"
            raise InputError(
                f"{factory}: is no function of {place} ({found}); name a function that takes the "
                "number of outputs and returns a network"
            )
        return function


def call_factory(
    factory: Factory,
    function: Callable[..., Any],
    *given: Any,  # noqa: ANN401 - whatever a function of one's own takes
    arguments: dict[str, Any],
) -> Any:  # noqa: ANN401 - whatever a function of one's own returns
    """Call a function of one's own, with the project's folder in the search path.

    Args:
        factory: The function's name, for messages.
        function: The function.
        given: Its positional arguments.
        arguments: Its others, by name.

    Raises:
        InputError: if it raises anything.
    """
    with _project_in_path():
        try:
            return function(*given, **arguments)
        except (Exception, SystemExit) as error:  # a function of one's own raises anything
            raise InputError(
                f"{factory}: raised {describe_error(error)}; it is called with {shown(given)} and "
                f"{shown(arguments)}: mend it, or the method's model.arguments"
            ) from error


def describe_error(error: BaseException) -> str:
    """Return an error of a foreign program for a message, in short and without line breaks."""
    text = str(error)
    return f"{type(error).__name__}: {text[:MAX_FOREIGN]!r}{'...' * (len(text) > MAX_FOREIGN)}"


def digest_own_code(model: Model, root: Path) -> dict[str, str]:
    """Return a digest of each file of the project that a network of one's own is made by.

    Nothing is imported. What is installed, and what a module reads or imports by other means than
    `import`, is not among them.

    Args:
        model: The network; only one by a factory is made by such files.
        root: Folder of the project.

    Returns:
        SHA-256 by path within the project, with slashes.

    Raises:
        InputError: if one lies where DVC, which tracks the folder of networks, sees no edit of it.
    """
    if not isinstance(model, Python):
        return {}
    found: set[Path] = set()
    waiting = [model.factory.partition(":")[0]]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in _files_of(name, root):
            if path not in found:
                found.add(path)
                waiting += _imports(path, root)
    unseen = sorted(
        path.relative_to(root).as_posix()
        for path in found
        if not path.is_relative_to(root / FOLDER)
    )
    if unseen:
        raise InputError(
            f"{model.factory}: is made by {listed(unseen)}, outside of the project's folder "
            f"{FOLDER}, where no edit would be noticed; move it there, or install it as a package"
        )
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(found)
    }


def has_module(model: Python, root: Path) -> bool:
    """Whether a factory's module is in the project or, by its first name, installed.

    Nothing is imported.
    """
    first, *rest = model.factory.partition(":")[0].split(".")
    place = root.joinpath(first, *rest)
    if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
        return True
    found = importlib.util.find_spec(first)
    # a plain folder of the project, as `networks` is, would be found too
    places = () if found is None else found.submodule_search_locations or ()
    own = all(Path(each).resolve() == (root / first).resolve() for each in places)
    return found is not None and (found.origin is not None or not own)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """Yield the project's files that importing a dotted name runs."""
    parts = name.split(".")
    for n in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:n])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                yield path


def _imports(path: Path, root: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, and those that may be modules."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):  # importing it will say so
        return
    package = path.relative_to(root).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base:
                yield base
            yield from (f"{base}.{alias.name}".removeprefix(".") for alias in node.names)


@contextmanager
def _project_in_path() -> Iterator[None]:
    root = str(Path.cwd())
    sys.path.insert(0, root)
    importlib.invalidate_caches()  # a module may be newer than what is known of its folder
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(root)
