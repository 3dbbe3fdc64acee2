import json
import os
import stat
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from imbalens.errors import InputError
from imbalens.store.files import atomic_path, read_json, write_csv, write_json, write_text


def test_json_is_sorted_and_has_null_instead_of_nan(tmp_path):
    value = {
        "b": np.float32(np.nan),
        "a": {"y": np.int64(3), "x": [np.inf, 1.5]},
        "c": np.array([[1.0, np.nan]]),
        "d": np.bool_(True),
        "e": None,
    }
    path = tmp_path / "new" / "x.json"
    write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {
        "a": {"x": [None, 1.5], "y": 3},
        "b": None,
        "c": [[1.0, None]],
        "d": True,
        "e": None,
    }
    assert list(json.loads(text)) == ["a", "b", "c", "d", "e"]
    assert "NaN" not in text


def test_csv_leaves_nan_empty(tmp_path):
    write_csv(tmp_path / "x.csv", pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y,z"]}))
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == 'a,b\n1.0,x\n,"y,z"\n'


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def fail_halfway():
        with atomic_path(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "metrics").write_text("a file where a folder should be", encoding="utf-8")
    path = tmp_path / "metrics" / "x.json"
    with pytest.raises(InputError, match=r"metrics/x\.json: cannot be written .* free some space"):
        write_json(path, {"a": 1})


WRITE = """
import sys
from pathlib import Path
from imbalens.store.files import write_text
write_text(Path(sys.argv[1]), "the other's")
"""


def test_two_processes_that_write_one_file_leave_it_whole(tmp_path):
    path = tmp_path / "x.json"
    with atomic_path(path) as temporary:
        temporary.write_text("mine", encoding="utf-8")
        subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)
        assert path.read_text(encoding="utf-8") == "the other's"
    assert path.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, done = tmp_path / "x.json", []

    def flush(number):
        flushed = os.fstat(number)
        assert (path.exists(), stat.S_ISDIR(flushed.st_mode)) == (bool(done), bool(done))
        done.append(flushed.st_size)

    monkeypatch.setattr(os, "fsync", flush)
    write_text(path, "abc")
    assert len(done) == 2
    assert done[0] == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is damaged"),
        (b'{"a": 1', "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[1]", "holds list, wanted a mapping"),
        (b'{"a": 1}', r"has no 'b' \(found: a\)"),
    ],
    ids=["empty", "cut", "bytes", "deep", "a list", "a missing key"],
)
def test_damaged_json_says_what_to_run(tmp_path, content, says):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.json {says}.*; run: dvc repro x"):
        read_json(tmp_path / "x.json", command="dvc repro x", needs=["b"])


def test_missing_json_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match=r"x\.json is missing; run: dvc repro x"):
        read_json(tmp_path / "x.json", command="dvc repro x")


def test_what_was_left_elsewhere_is_deleted_once_it_is_old(tmp_path):
    """By a container that is gone, whose processes nobody knows; or by an earlier version."""
    old, older_name, young = (
        tmp_path / name
        for name in (".x.deadbeef-5.partial.json", ".x.partial.json", ".x.deadbeef-6.partial.json")
    )
    of_another = tmp_path / ".xy.deadbeef-5.partial.json"
    for path in (old, older_name, young, of_another):
        path.touch()
    for path in (old, older_name, of_another):
        os.utime(path, (0, 0))
    write_json(tmp_path / "x.json", {})
    assert {*tmp_path.iterdir()} == {tmp_path / "x.json", young, of_another}
