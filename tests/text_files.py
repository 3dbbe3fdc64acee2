"""Calls that read or write text in whatever encoding the system has."""

import ast

PROCESSES = ("run", "Popen", "check_output")
METHODS = ("read_text", "write_text", "open")
NOT_FILES = ("Image", "archive", "os", "webbrowser")  # whose `open` is another


def find_unspecified(source: str) -> list[ast.Call]:
    """Return calls that open text files, or read a process as text, and name no encoding."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call for call in calls if _is_text(call) and not _names_encoding(call)]


def _names_encoding(call: ast.Call) -> bool:
    return any(keyword.arg in ("encoding", None) for keyword in call.keywords)


def _is_text(call: ast.Call) -> bool:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    match call.func:
        case ast.Attribute(value=ast.Name(id="subprocess"), attr=name) if name in PROCESSES:
            return "text" in named or "universal_newlines" in named
        case ast.Attribute(value=ast.Name(id="gzip"), attr="open"):
            return "t" in _mode(call, named, position=1, default="rb")
        case ast.Attribute(value=ast.Name(id=owner), attr="open") if owner in NOT_FILES:
            return False
        case ast.Attribute(attr="open"):
            return "b" not in _mode(call, named, position=0, default="r")
        case ast.Attribute(attr=name) if name in METHODS:
            return True
        case ast.Name(id="open"):
            return "b" not in _mode(call, named, position=1, default="r")
    return False


def _mode(call: ast.Call, named: dict, *, position: int, default: str) -> str:
    given = named.get("mode", call.args[position] if len(call.args) > position else None)
    return given.value if isinstance(given, ast.Constant) else default
