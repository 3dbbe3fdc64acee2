"""What differs on Windows and macOS, as far as it can be tried on Linux."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePath, PureWindowsPath

import numpy as np
import pytest
from PIL import Image

from imbalens.data.folder import open_folder
from imbalens.data.nih import open_nih
from imbalens.data.nih_splits import read_lists
from imbalens.data.nih_tables import read_tables
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.params.sources import Nih
from tests.data.nih_layout import TEST, TRAIN, write_image, write_images, write_lists, write_tables
from tests.data.test_folder import folder
from tests.text_files import find_unspecified
from tests.tiny import ROOT

SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")
IN_CP1252 = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
FOREIGN = "файл"  # not in cp1252
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("*.py"))


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    if listed.returncode:
        pytest.skip("not a git repository")
    return [name for name in listed.stdout.split("\0") if name]


# --- line ends


@pytest.fixture
def sample(tmp_path):
    """A repository of a few of our files, with our .gitattributes."""
    folder = tmp_path / "sample"
    tables = sorted(ROOT.glob("plots/*/*.csv"))[:3] + sorted(ROOT.glob("metrics/*/*.json"))[:3]
    pictures = sorted(ROOT.glob("docs/images/*.png"))
    page = "src/imbalens/reports/page/plots.html"
    named = ("params.yaml", "Makefile", ".ci/run", page, "src/imbalens/store")
    for path in [*tables, *pictures, *(ROOT / name for name in named)]:
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, place)
    # binary files that git would take for text, and a page that mixes line ends
    for suffix in ("h5", "npz", "pt", "png"):
        (folder / f"looks_like_text.{suffix}").write_bytes(b"one\r\ntwo\n")
    (folder / page).write_bytes(b"one\r\ntwo\n")
    git(folder, "init", "--quiet")
    return folder


def git(folder, *arguments):
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def check_out_as_on_windows(sample):
    """Commit all, clone as Git for Windows is set up; return the files whose bytes differ."""
    git(sample, "-c", "core.autocrlf=false", "add", "--all")
    git(sample, "-c", "core.autocrlf=false", "commit", "--quiet", "--message", "all")
    clone = sample.with_name("clone")
    git(sample.parent, "clone", "--quiet", "-c", "core.autocrlf=true", str(sample), str(clone))
    files = [p.relative_to(sample) for p in sample.rglob("*") if p.is_file()]
    files = [path for path in files if path.parts[0] != ".git" and "__pycache__" not in path.parts]
    assert len(files) > 15
    changed = [p for p in files if (sample / p).read_bytes() != (clone / p).read_bytes()]
    return {path.as_posix() for path in changed}


def test_a_checkout_on_windows_has_the_same_bytes(sample):
    shutil.copy(ROOT / ".gitattributes", sample)
    assert check_out_as_on_windows(sample) == set()


def test_without_attributes_it_has_not(sample):
    changed = check_out_as_on_windows(sample)
    assert {"params.yaml", "Makefile", ".ci/run"} <= changed
    assert any(name.endswith(".csv") for name in changed)


def test_committed_text_has_unix_line_ends():
    picked = [ROOT / name for name in tracked_files() if not name.endswith((".png", ".h5"))]
    assert [path for path in picked if path.is_file() and b"\r\n" in path.read_bytes()] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_parameters_hold_whatever_the_editor_put_in(tmp_path, end, encoding):
    path = tmp_path / "params.yaml"
    path.write_bytes(SHIPPED.replace("\n", end).encode(encoding))
    assert load_params(path) == load_params(ROOT / "params.yaml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_nih_lists_and_tables_are_the_same(tmp_path, end, encoding, suffix):
    plain = write_lists(write_tables(tmp_path / "plain"))
    saved = write_lists(write_tables(tmp_path / "saved", suffix=suffix))
    for path in saved.iterdir():
        packed = path.suffix == ".gz"
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        text = "".join(line + end for line in content.decode().splitlines()).encode(encoding)
        path.write_bytes(gzip.compress(text) if packed else text)
    expected, found = read_tables(plain), read_tables(saved)
    assert found.names == expected.names
    assert found.views == expected.views
    for array in ("labels", "patients", "box_images", "box_findings", "boxes"):
        assert np.array_equal(getattr(found, array), getattr(expected, array))
    for old, new in zip(read_lists(plain, expected), read_lists(saved, found), strict=True):
        assert new.tolist() == old.tolist()


# --- encodings


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("cp1252", "naïve"), ("utf-16", "plain"), ("utf-16-le", "plain"), ("utf-16-le", "naïve")],
)
def test_parameters_in_another_encoding_are_refused_with_the_remedy(tmp_path, encoding, word):
    path = tmp_path / "params.yaml"
    path.write_bytes(f"# {word}\n{SHIPPED}".encode(encoding))
    with pytest.raises(InputError, match=r"params\.yaml: is .*; save it as UTF-8$"):
        load_params(path)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
@pytest.mark.parametrize("name", ["test_list.txt", "Data_Entry_2017.csv", "BBox_List_2017.csv"])
def test_nih_files_in_another_encoding_are_refused_with_the_remedy(tmp_path, name, encoding):
    path = write_lists(write_tables(tmp_path)) / name
    path.write_bytes((path.read_text(encoding="utf-8") + "naïve").encode(encoding))
    with pytest.raises(
        InputError, match=rf"{name}, line \d: is not UTF-8 text .*; save it as UTF-8$"
    ):
        read_lists(tmp_path, read_tables(tmp_path))


def run_in_cp1252(*arguments, folder=ROOT):
    """Run Python as in a pipe of Windows; return the exit status and both outputs."""
    environment = {**IN_CP1252, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode("cp1252"), done.stderr.decode("cp1252")


def test_parameters_are_judged_where_output_cannot_carry_their_path(tmp_path):
    (tmp_path / f"{FOREIGN}.yaml").write_text(SHIPPED, encoding="utf-8")
    shutil.copy(ROOT / "analyses.yaml", tmp_path)
    status, out, err = run_in_cp1252("-m", "imbalens", "check", f"{FOREIGN}.yaml", folder=tmp_path)
    assert (status, err) == (0, "")
    assert re.match(r"(\\u04..){4}\.yaml: valid \(\d datasets", out)

    broken = SHIPPED.replace("focus: planted/ce", f"focus: {FOREIGN}")
    (tmp_path / f"{FOREIGN}.yaml").write_text(broken, encoding="utf-8")
    status, out, err = run_in_cp1252("-m", "imbalens", "check", f"{FOREIGN}.yaml", folder=tmp_path)
    assert (status, out) == (1, "")
    assert re.match(r"error: (\\u04..){4}\.yaml: focus: found '(\\u04..){4}'; allowed", err)
    assert "Traceback" not in err


def test_a_stage_says_what_is_wrong_where_output_cannot_carry_it(tmp_path):
    script = str(ROOT / "stages" / "performance.py")
    for name in ("params.yaml", "analyses.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for arguments, message in (
        ([FOREIGN], r"error: runs: found '(\\u04..){4}'; allowed: planted-ce"),
        (["x", "--params", f"{FOREIGN}.yaml"], r"error: (\\u04..){4}\.yaml: cannot be read"),
    ):
        status, out, err = run_in_cp1252(script, *arguments, folder=tmp_path)
        assert (status, out) == (1, "")
        assert re.match(message, err)


def test_every_stage_prints_its_help(tmp_path):
    program = tmp_path / "help.py"
    lines = ["import importlib, sys", f"for name in {STAGES}:"]
    lines += ["    try: importlib.import_module(f'stages.{name}').main(['--help'])"]
    lines += ["    except SystemExit as ended: assert ended.code in (0, None), name"]
    program.write_text("\n".join(lines), encoding="utf-8")
    status, out, err = run_in_cp1252(str(program))
    assert (status, err) == (0, "")
    assert out.count("usage: ") == len(STAGES)


BAD = """
open("a"); path.open(); path.open("w"); path.read_text(); path.write_text("x")
subprocess.run(["x"], text=True); gzip.open("a", "rt")
"""
GOOD = """
open("a", "rb"); path.open("a+b"); path.read_text(encoding="utf-8"); read_text(dataset)
path.write_text("x", encoding="utf-8"); Image.open(path); gzip.open("a"); open("a", **options)
subprocess.run(["x"]); subprocess.run(["x"], text=True, encoding="utf-8"); path.open(mode="rb")
"""


def test_unspecified_encodings_are_found():
    assert len(find_unspecified(BAD)) == 7
    assert find_unspecified(GOOD) == []


def test_all_text_is_read_and_written_in_a_named_encoding():
    # tests that run make, dvc or a browser never run elsewhere
    ours = [*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py"), *ROOT.glob("tests/*/**/*.py")]
    ours += [path for path in ROOT.glob("tests/*.py") if not path.name.startswith("test_")]
    ours += [Path(__file__), ROOT / "tests" / "test_workflow.py"]
    assert len(ours) > 200
    assert [
        f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
        for path in ours
        for call in find_unspecified(path.read_text(encoding="utf-8"))
    ] == []


# --- paths


def with_paths(tmp_path, separator):
    """The shipped experiment with a folder, a checkpoint and weights to start from."""
    loss = "    loss: {name: ce}\n"
    text = "".join(line for line in SHIPPED.splitlines(True) if "seed: 1}" not in line)
    text = "".join(line for line in text.splitlines(True) if "seed: 2}" not in line)
    text = text.replace("phantom-bce-1, phantom-bce-2, ", "")
    text = text.replace(loss, f"{loss}    checkpoint: models{separator}x.pt\n", 1)
    text = text.replace("weights: none", f"weights: models{separator}y.pt", 1)
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


def test_backslashes_in_parameters_are_slashes_on_every_system(tmp_path):
    params = with_paths(tmp_path, "\\")
    assert params == with_paths(tmp_path, "/")
    assert params.runs["planted-ce"].checkpoint == "models/x.pt"
    assert params.runs["phantom-bce"].model.weights == "models/y.pt"
    named = folder(r"$DATA\train images")
    assert named.root == "$DATA/train images"
    assert PureWindowsPath(named.root) == PureWindowsPath(r"$DATA\train images")


def test_a_source_given_with_backslashes_is_found(tmp_path, monkeypatch):
    for split in ("train", "test"):
        write_image(tmp_path / "my" / "images" / split / "cat" / "a.png")
    monkeypatch.chdir(tmp_path)
    source = open_folder(folder(r"my\images"), 8)
    assert (source.train.names, source.test.names) == (["train/cat/a.png"], ["test/cat/a.png"])


def test_paths_in_committed_results_have_slashes():
    results = [n for n in tracked_files() if re.match(r"(metrics|plots)/.*\.(csv|json|md)$", n)]
    assert len(results) > 100
    # \u, \n, \" of JSON and \| of Markdown are none of a path
    path = re.compile(r"\w\\(?![un\"\\|])\w")
    assert [n for n in results if path.search((ROOT / n).read_text(encoding="utf-8"))] == []


# --- names


def nih(root):
    split, task = {"test_share": 0.5, "seed": 0}, {"name": "binary"}
    return Nih.model_validate(
        {
            "name": "nih",
            "root": str(root),
            "task": task,
            "require_complete": True,
            "split": split,
            "digest": None,
        }
    )


def test_nih_images_called_png_in_capitals_are_those_of_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    root = write_lists(write_tables(tmp_path / "nih"))
    for path in write_images(root / "images").iterdir():
        path.rename(path.with_name(path.name.replace(".png", ".PNG")))
    source = open_nih(nih(root), 32)
    assert source.train.names == list(TRAIN)
    assert source.train.read(np.array([2]))[0, 0, 0].tolist() == [20]
    assert capsys.readouterr().err == ""


def test_an_nih_image_in_both_spellings_is_refused(tmp_path):
    root = write_lists(write_tables(tmp_path / "nih"))
    write_images(root / "images")
    write_image(root / TEST[0].replace(".png", ".PNG"))
    with pytest.raises(InputError, match=rf"found .*{TEST[0][:-4]}.* and .*; leave one of them"):
        open_nih(nih(root), 8)


def test_files_come_in_the_same_order_where_paths_ignore_case(tmp_path, monkeypatch):
    for split in ("train", "test"):
        for name in ("b.png", "A.JPG", "a1.png", "B1.Jpeg", "Z.PNG"):
            place = tmp_path / split / "cat" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(place)
    root = folder(tmp_path)
    names = open_folder(root, 8).train.names
    assert [name.rpartition("/")[2] for name in names] == sorted(
        ["b.png", "A.JPG", "a1.png", "B1.Jpeg", "Z.PNG"]
    )
    monkeypatch.setattr(
        type(tmp_path), "__lt__", lambda one, two: PureWindowsPath(one) < PureWindowsPath(two)
    )
    assert sorted([Path("B"), Path("a")]) == [Path("a"), Path("B")]
    assert open_folder(root, 8).train.names == names


@pytest.mark.skipif(
    os.path.normcase("A") == "a" or sys.platform == "darwin", reason="file names have no case here"
)
def test_classes_that_differ_only_in_case_are_printed(tmp_path, capsys):
    for split in ("train", "test"):
        for name in ("a", "A", "b"):
            write_image(tmp_path / split / name / "0.png")
    source = open_folder(folder(tmp_path), 8)
    assert source.class_names == ("A", "a", "b")
    assert capsys.readouterr().err == (
        f"{tmp_path}: class folders A, a differ in nothing but case; on Windows and macOS they "
        "are one folder\n"
    )


def invalid_on_windows(name):
    """The parts of a tracked file's path that Windows refuses."""
    numbered = {f"{device}{i}" for device in ("com", "lpt") for i in range(1, 10)}
    devices = {"con", "prn", "aux", "nul", *numbered}
    return [
        part
        for part in name.split("/")
        if re.search(r'[<>:"|?*\\\x00-\x1f]', part)
        or part.endswith((".", " "))
        or part.split(".")[0].lower() in devices
    ]


@pytest.mark.parametrize(
    "name", ["a/nul.json", "a/b?.csv", "a./b", "a /b", "x/COM1", r"a\b", "a:b"]
)
def test_what_windows_refuses_is_found(name):
    assert len(invalid_on_windows(name)) == 1


def test_tracked_files_can_be_checked_out_anywhere():
    names = tracked_files()
    assert len(names) > 300
    assert [name for name in names if invalid_on_windows(name) or len(name) >= 200] == []
    folders = {str(parent) for name in names for parent in PurePath(name).parents}
    folded = Counter(name.casefold() for name in {*names, *folders})
    assert [name for name, n in folded.items() if n > 1] == []
