"""docs/from-python.md: its code, run where a wheel was installed, prints what it shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from tests.analyze_cases import birds
from tests.tiny import ROOT

GUIDE = (ROOT / "docs/from-python.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
# prints, of each block, what it printed; and where the package lies
PROGRAM = """
import contextlib, io, json, sys
blocks, names, shown = json.load(sys.stdin), {}, []
for block in blocks:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(block, names)
    shown.append(out.getvalue())
import imbalens
print(json.dumps([shown, imbalens.__file__, imbalens.__version__]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with nothing but the package, from a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(
        ROOT / "src",
        source / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # the setuptools that is here will do, if it is new enough; else pip fetches one
    own = ["--no-build-isolation"] if int(version("setuptools").split(".")[0]) >= 77 else []
    wheel = [*pip, "wheel", "--no-deps", *own, "--wheel-dir", str(folder), str(source)]
    subprocess.run(wheel, check=True)
    (built,) = folder.glob("imbalens-*.whl")
    target = folder / "installed"
    install = [*pip, "install", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, "--target", str(target), str(built)], check=True)
    shutil.rmtree(source)
    return target


def test_the_wheel_holds_what_the_package_reads(installed):
    package = ROOT / "src/imbalens"
    wanted = {path.relative_to(package) for path in package.rglob("*.*") if path.suffix != ".pyc"}
    assert {path.suffix for path in wanted} == {".py", ".yaml", ".css", ".js", ".html"}
    assert [path for path in wanted if not (installed / "imbalens" / path).is_file()] == []


def test_the_code_of_the_guide_prints_what_it_shows(installed, tmp_path):
    blocks = BLOCK.findall(GUIDE)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([code for code, _ in blocks]),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown, place, found = json.loads(done.stdout)
    assert shown == [text for _, text in blocks]
    assert sum(map(bool, shown)) == 3
    assert place == str(installed / "imbalens" / "__init__.py")
    assert found == version("imbalens")


def test_the_lines_and_the_command_of_the_readme_make_a_page(installed, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (command,) = re.findall(r"```sh\n(imbalens .*?)\n```", README)
    assert len([line for line in code.splitlines() if line]) == 6
    given = birds()
    given["class_names"] = np.array(given.pop("names"))
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    pages, said = [], []
    for words in (["-c", code], ["-m", *command.split()]):
        folder = tmp_path / str(len(pages))
        folder.mkdir()
        np.savez(folder / "features.npz", **given)
        run = [sys.executable, *words]
        options = {"cwd": folder, "env": environment, "encoding": "utf-8"}
        done = subprocess.run(run, stdout=subprocess.PIPE, check=True, **options)
        said.append(done.stdout.splitlines())
        pages.append((folder / "page/index.html").read_text(encoding="utf-8"))
        assert len(list((folder / "page/metrics").iterdir())) == 5
    assert said[0][:2] == said[1][:2]
    assert said[1][-1] == "page: page/index.html"
    assert all(f'"nPoints":{len(given["labels"])},' in page for page in pages)
