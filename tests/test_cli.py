import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from imbalens.cli import COMMANDS, main


def test_help_tells_a_newcomer_where_to_begin(capsys):
    with pytest.raises(SystemExit, match="0"):
        main([])
    said = capsys.readouterr().out
    for words in ("make repro", "imbalens run", "import imbalens", *COMMANDS):
        assert words in said


def test_every_command_is_there_and_says_its_name(capsys):
    folder = Path(import_module("imbalens.commands").__path__[0])
    assert {path.stem for path in folder.glob("[!_]*.py")} == set(COMMANDS)
    for name in COMMANDS:
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"usage: imbalens {name}" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"imbalens {version('imbalens')}\n"


def test_a_wrong_command_lists_the_right_ones(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["chekc"])
    assert "'chekc' (choose from" in capsys.readouterr().err


def test_a_mistake_of_the_user_is_one_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("focus: x\n", encoding="utf-8")
    command = [sys.executable, "-m", "imbalens", "check", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
