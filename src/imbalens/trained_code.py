"""Which code of losses and networks a run's training and dumps reach, read from the source.

Another loss or network is code that no earlier run reaches: whatever depends on these digests, in
place of the folders, is not computed again because of it. Nothing is imported. Of a `match` over
losses, networks or deferred re-weighting the cases of other runs are left out, and so are
docstrings, comments and annotations of arguments. What reading alone cannot resolve counts as
reached; a definition is taken to act on nothing else when its module is imported.
"""

import ast
import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalens.code_dependencies import DIGESTED, follow_imports, modules_below
from imbalens.params.factories import digest_own_code
from imbalens.params.runs import Run

# what trainings and dumps import of losses and networks
ROOTS = (
    "imbalens.losses.build.build_objective",
    "imbalens.losses.build.logit_offset",
    "imbalens.losses.build.logit_scale",
    "imbalens.models.build.build_model",
    "imbalens.models.build.head_of",
    "imbalens.models.checkpoint.load_checkpoint",
    "imbalens.models.checkpoint.load_weights",
    "imbalens.models.checkpoint.save_weights",
    "imbalens.models.given.take_given",
    "imbalens.models.initial_weights.initialize",
    "imbalens.models.network.Network",
)
PACKAGE = "imbalens"
VALUES = "imbalens.params."  # DVC tracks what these carry
# whoever names one of these may reach anything
DYNAMIC = {"__import__", "eval", "exec", "globals", "importlib", "import_module", "pkgutil", "sys"}
SUBCLASSES = "__subclasses__"
ANYTHING = "*"


@dataclass(frozen=True)
class Module:
    """A source file.

    Attributes:
        name: Its dotted name.
        path: The file.
        defined: Statements at its top by the name that they define.
        imported: Dotted names by the name that they are imported as, anywhere in the file.
        acting: Statements at its top that do more than define names.
    """

    name: str
    path: Path
    defined: Mapping[str, list[ast.stmt]]
    imported: Mapping[str, set[str]]
    acting: list[ast.stmt]


@dataclass(frozen=True)
class Definition:
    """A statement at the top of a module, as far as a run reaches it.

    Attributes:
        path: Source file.
        statement: As written.
        reached: Without the cases of other runs and without what does not count.
        references: Dotted names of all that it uses, `*` for anything.
    """

    path: Path
    statement: ast.stmt
    reached: ast.AST
    references: frozenset[str]


def digest_code(run: Run, modules: Mapping[str, Module], *, root: Path = Path()) -> dict[str, str]:
    """Return a digest of each definition that a run's training and dumps reach.

    Args:
        run: The run; its loss, network and deferred re-weighting decide.
        modules: The code, see `read_modules`.
        root: Folder of the project, with the module of a network of one's own.

    Returns:
        SHA-256 by dotted name, equal on all versions of Python; under the name of a module, of
        what importing it does; under a path, of a file of one's own.
    """
    digests = {}
    for name, definitions in reach(run, modules).items():
        content = [[each.reached, sorted(each.references)] for each in definitions]
        text = json.dumps(content, default=_as_json)
        digests[name] = hashlib.sha256(text.encode()).hexdigest()
    return digests | digest_own_code(run.model, root)


def reach(run: Run, modules: Mapping[str, Module]) -> dict[str, list[Definition]]:
    """Return what a run's training and dumps reach, by dotted name.

    Args:
        run: The run.
        modules: The code, see `read_modules`.
    """

    def define(module: Module, statements: Iterable[ast.stmt]) -> list[Definition]:
        found = []
        for statement in statements:
            reached = _Narrow(module, modules, run).visit(copy.deepcopy(statement))
            found.append(Definition(module.path, statement, reached, _used(reached, module)))
        return found

    found = {
        name: define(module, module.acting)
        for name, module in modules.items()
        if not name.startswith(VALUES)
    }
    waiting = [*ROOTS, *_references(found.values())]
    while waiting:
        for name in _resolve(waiting.pop(), modules):
            if name not in found and not name.startswith(VALUES):
                place, _, defined = name.rpartition(".")
                found[name] = define(modules[place], modules[place].defined[defined])
                waiting += _references([found[name]])
    return {name: definitions for name, definitions in found.items() if definitions}


def read_modules(root: Path) -> dict[str, Module]:
    """Read losses, networks and every module that these lead to, by dotted name.

    Args:
        root: Folder of the project.
    """
    paths = follow_imports(modules_below(DIGESTED, root=root), root=root)
    return {module.name: module for module in (_read_module(path, root) for path in paths)}


def _read_module(path: Path, root: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined: dict[str, list[ast.stmt]] = {}
    acting: list[ast.stmt] = []
    for statement in tree.body:
        names = _names_defined(statement)
        if names is None:
            acting.append(statement)
        for name in names or ():
            defined.setdefault(name, []).append(statement)
    imported: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name, target = _imported(node, alias)
                imported.setdefault(name, set()).add(target)
    name = ".".join(path.relative_to(root / "src").with_suffix("").parts)
    return Module(name, path, defined, imported, acting)


def _names_defined(statement: ast.stmt | ast.ExceptHandler) -> set[str] | None:
    """Return the names that a statement defines, none of an import; None if it does more."""
    match statement:
        case (
            ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name)
        ):
            return {name}
        case ast.Assign(targets=targets):
            parts = [node for target in targets for node in ast.walk(target)]
            if any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts):
                return None
            return {part.id for part in parts if isinstance(part, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return set()
        case ast.If() | ast.Try() | ast.ExceptHandler():
            names = [
                _names_defined(part)
                for part in ast.iter_child_nodes(statement)
                if isinstance(part, ast.stmt | ast.ExceptHandler)
            ]
            return None if None in names else {name for some in names for name in some or ()}
        case _:
            return None


def _imported(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str]:
    """Return the name that an import binds, and the dotted name that it stands for."""
    if isinstance(node, ast.ImportFrom):
        target = f"{node.module}.{alias.name}".removesuffix(f".{ANYTHING}")
        return alias.asname or alias.name, target
    top = alias.name.partition(".")[0]
    return (alias.asname, alias.name) if alias.asname else (top, top)


def _resolve(dotted: str, modules: Mapping[str, Module]) -> set[str]:
    """Return the definitions of this package that a dotted name may lead to."""
    if dotted.partition(".")[0] != PACKAGE and dotted != ANYTHING:
        return set()
    parts = dotted.split(".")
    places = [n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules]
    if not places:  # anything, or a package as a whole
        return {f"{place}.{name}" for place, module in modules.items() for name in module.defined}
    place, rest = ".".join(parts[: places[0]]), parts[places[0] :]
    module = modules[place]
    if rest and (rest[0] in module.defined or rest[0] in module.imported):
        found = {f"{place}.{rest[0]}"} if rest[0] in module.defined else set()
        for target in module.imported.get(rest[0], ()):
            found |= _resolve(".".join([target, *rest[1:]]), modules)
        return found
    found = {f"{place}.{name}" for name in module.defined}
    for target in module.imported.get(ANYTHING, ()):
        found |= _resolve(target, modules)
    return found


def _references(found: Iterable[Iterable[Definition]]) -> list[str]:
    return [name for definitions in found for each in definitions for name in each.references]


class _Narrow(ast.NodeTransformer):
    """Takes out of a module's statements what a run does not reach and what does not count."""

    def __init__(self, module: Module, modules: Mapping[str, Module], run: Run) -> None:
        self.module = module
        self.modules = modules
        kinds = [kind for part in (run.model, run.loss, run.drw) for kind in type(part).__mro__]
        self.chosen = {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}
        self.choices = {type(part).__module__ for part in (run.model, run.loss)}

    def visit_Match(self, node: ast.Match) -> ast.AST:
        cases = []
        for case in node.cases:
            pattern = self._narrow(case.pattern)
            if pattern:
                case.pattern = pattern
                cases.append(case)
        node.cases = cases
        return self.generic_visit(node)

    def _narrow(self, pattern: ast.pattern) -> ast.pattern | None:
        """Return a pattern without the alternatives that are other losses and networks."""
        match pattern:
            case ast.MatchOr():
                parts = [part for each in pattern.patterns if (part := self._narrow(each))]
                return ast.MatchOr(parts) if len(parts) > 1 else next(iter(parts), None)
            case ast.MatchAs(pattern=ast.pattern() as inner):
                return pattern if self._narrow(inner) else None
            case ast.MatchClass(cls=kind):
                return None if self._is_of_others(kind) else pattern
            case _:
                return pattern

    def _is_of_others(self, kind: ast.expr) -> bool:
        """Whether a class is a loss, a network or such, and none of the run's."""
        names = {
            name for dotted in _used(kind, self.module) for name in _resolve(dotted, self.modules)
        }
        return bool(names) and not names & self.chosen and all(map(self._is_choice, names))

    def _is_choice(self, name: str) -> bool:
        place, _, defined = name.rpartition(".")
        statements = self.modules[place].defined[defined]
        return place in self.choices and all(isinstance(each, ast.ClassDef) for each in statements)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """What is imported counts where it is used, see `Definition.references`."""

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_ImportFrom = visit_Import


class _Uses(ast.NodeVisitor):
    """Collects the dotted names that code of a module uses, those of annotations left out."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.names: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        self._add(node.id, [])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        names, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            names.insert(0, inner.attr)
            inner = inner.value
        if SUBCLASSES in names:
            self.names.add(ANYTHING)
        if isinstance(inner, ast.Name):
            self._add(inner.id, names)
        else:
            self.visit(inner)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value:
            self.visit(node.value)

    def _add(self, first: str, names: Sequence[str]) -> None:
        if first in DYNAMIC:
            self.names.add(ANYTHING)
        imported = self.module.imported
        targets = {*imported.get(first, ()), *imported.get(ANYTHING, ())}
        if first in self.module.defined:
            targets.add(f"{self.module.name}.{first}")
        self.names |= {".".join([target, *names]) for target in targets}


def _used(node: ast.AST, module: Module) -> frozenset[str]:
    uses = _Uses(module)
    uses.visit(node)
    return frozenset(uses.names)


def _as_json(value: object) -> list[Any]:
    """Return what JSON does not know; empty fields, in which versions of Python differ, go."""
    if isinstance(value, ast.AST):
        fields = {key: each for key, each in ast.iter_fields(value) if each not in (None, [])}
        return [type(value).__name__, fields]
    return [type(value).__name__, repr(value)]
