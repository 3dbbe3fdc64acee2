import json

import numpy as np
import pandas as pd
import pytest

from imbalens.errors import InputError
from imbalens.store.files import atomic_path, write_csv, write_json


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
