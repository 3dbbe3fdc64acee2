"""A .venv that was not set up to the end, or that lost something, is noticed and made anew."""

import os
import shutil
import subprocess
import sys

import pytest

from imbalens import installation
from imbalens.installation import find_losses, find_packages, main
from tests.tiny import ROOT

FILES = {
    "one": ["one/__init__.py", "one/core.so", "one/notes.txt", '"one/a,b.py"', "../../bin/one"],
    "two_part": ["two_part.py"],
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site-packages folder with two packages, noted in the mark."""
    folder = tmp_path / ".venv/lib/site-packages"
    for name, files in FILES.items():
        record = folder / f"{name}-1.0.dist-info/RECORD"
        record.parent.mkdir(parents=True)
        record.write_text("".join(f"{file},sha256=abc,12\n" for file in files))
        for file in files:
            path = folder / file.strip('"')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installation.sysconfig, "get_path", lambda _: str(folder))
    main(["--write"])
    assert installation.MARK.read_text().split() == list(FILES)
    return folder


def test_what_is_whole_passes(site):
    (site / "one/notes.txt").unlink()  # no code
    main([])


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("one", "one has lost one/__init__.py, 3 in all"),
        ("one/core.so", "one has lost one/core.so, 1 in all"),
        ("two_part.py", "two_part has lost two_part.py, 1 in all"),
        ("two_part-1.0.dist-info", "two_part has lost its description, 1 in all"),
        ("one-1.0.dist-info/RECORD", "one has lost its description, 1 in all"),
    ],
)
def test_what_is_missing_is_named(site, lost, message):
    path = site / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SystemExit, match=message):
        main([])


def test_another_version_of_a_package_will_do(site):
    (site / "two_part-1.0.dist-info").rename(site / "two_part-2.0.dist-info")
    assert find_losses(site, list(FILES)) == {}
    assert list(find_packages(site)) == list(FILES)


def test_only_the_standard_library_is_needed():
    """With -I and -S nothing else can be imported."""
    script = ROOT / "src/imbalens/installation.py"
    command = [sys.executable, "-I", "-S", str(script), "--help"]
    subprocess.run(command, check=True, capture_output=True)


FAKE = """#!/bin/sh
echo "$*" >> log
case "$*" in
  "-m venv --clear .venv")
    rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip install"*) test ! -e killed ;;
  *"--write") touch .venv/installed ;;
  *installation.py) test ! -e lost ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Run `make venv` with a made-up Python; return the steps it was asked for."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "fake").write_text(FAKE)
    (tmp_path / "fake").chmod(0o755)

    def run(*, succeeds=True):
        (tmp_path / "log").write_text("")
        command = ["make", "venv", "PYTHON=./fake"]
        environment = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert (result.returncode == 0) == succeeds, result.stderr
        names = {"venv": "-m venv", "pip": "-m pip install", "note": "--write"}
        lines = (tmp_path / "log").read_text().splitlines()
        return [name for line in lines for name, part in names.items() if part in line]

    return run


def test_an_installation_that_was_killed_starts_over(make, tmp_path):
    (tmp_path / "killed").touch()
    assert make(succeeds=False) == ["venv", "pip"]
    assert make(succeeds=False) == ["venv", "pip"], "not into what is half there"
    (tmp_path / "killed").unlink()
    assert make() == ["venv", "pip", "note"]
    assert make() == []


def test_an_update_that_was_killed_starts_over(make, tmp_path):
    make()
    os.utime(tmp_path / "pyproject.toml", (2**31, 2**31))
    (tmp_path / "killed").touch()
    assert make(succeeds=False) == ["pip"], "what is there is updated"
    (tmp_path / "killed").unlink()
    os.utime(tmp_path / "pyproject.toml", (0, 0))
    assert make() == ["venv", "pip", "note"]


@pytest.mark.parametrize("lost", ["lost", ".venv/bin/python"])
def test_what_lost_a_part_is_made_anew(make, tmp_path, lost):
    make()
    path = tmp_path / lost
    path.unlink() if path.exists() else path.touch()
    assert make() == ["venv", "pip", "note"]
