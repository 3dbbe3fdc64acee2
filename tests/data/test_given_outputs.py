"""Features and predictions of others, from every kind of file, and what is wrong with them."""

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imbalens.data.given_outputs import read_given
from imbalens.data.probabilities import LEAST, class_logits, label_logits
from imbalens.errors import InputError
from imbalens.params.given import GivenColumns, GivenFile

FEATURES = np.arange(12, dtype=np.float64).reshape(4, 3) / 7
LOGITS = np.array([[2.0, 1.0], [0.5, 0.25], [-1.0, 3.0], [0.0, -2.0]])
LABELS = np.array([0, 1, 1, 0])


def params(task="multiclass", columns=None, **more):
    values = {"file": "x", "classes": None, "blank": None, "uncertain": None} | more
    return GivenFile(task=task, columns=GivenColumns(**(columns or {})), **values)


def save(path, /, **given):
    if path.suffix == ".npz":
        np.savez(path, **given)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in given.items():
                array = np.asarray(array)
                text = array.dtype.kind in "UO"
                file.create_dataset(
                    name,
                    data=array.astype(object) if text else array,
                    dtype=h5py.string_dtype() if text else None,
                )
    else:
        frame = pd.DataFrame(given)
        if path.suffix == ".parquet":
            pytest.importorskip("pyarrow", reason="pyarrow is not installed")
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
    return path


def as_columns(**more):
    held = {f"feature_{i}": FEATURES[:, i] for i in range(3)}
    held |= {f"logit_{name}": LOGITS[:, i] for i, name in enumerate(("cat", "dog"))}
    return held | {"label": np.array(["cat", "dog"])[LABELS]} | more


ROWS = {
    "split": np.array(["train", "train", "Validation", "test"]),
    "id": np.array(["d", "c", "b", "a"]),
    "group": np.array(["p1", "p1", "", "p2"]),
    "path": np.array(["1.png", "2.png", "3.png", "4.png"]),
}


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".csv", ".parquet"])
def test_every_kind_of_file_says_the_same(tmp_path, suffix):
    path = tmp_path / f"outputs{suffix}"
    if suffix in (".npz", ".h5"):
        head = {"head_weight": np.ones((2, 3)), "head_bias": [0.5, 1]}
        names = {"class_names": np.array(["cat", "dog"])}
        save(path, features=FEATURES, logits=LOGITS, labels=LABELS, **ROWS, **head, **names)
    else:
        save(path, **as_columns(**ROWS))
    found = read_given(path, params())
    assert found.features is not None
    assert found.logits is not None
    np.testing.assert_array_equal(found.features, FEATURES.astype(np.float32))
    np.testing.assert_array_equal(found.logits, LOGITS.astype(np.float32))
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.class_names == ("cat", "dog")
    assert found.task == "multiclass"
    assert found.splits == ("train", "train", "val", "test")
    assert (found.ids, found.named) == (("d", "c", "b", "a"), True)
    assert found.groups == ("p1", "p1", "", "p2")
    assert found.paths == tuple(ROWS["path"])
    if found.head_weight is not None:
        np.testing.assert_array_equal(found.head_bias, [0.5, 1])


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_arrays_of_splits_stand_one_after_the_other(tmp_path, suffix):
    path = tmp_path / f"outputs{suffix}"
    save(
        path,
        train_logits=LOGITS[:3],
        test_logits=LOGITS[3:],
        train_y=LABELS[:3].astype(np.float32)[:, None],
        test_y=LABELS[3:][:, None],
        train_patient=[7, 7, 8],
        test_patient=[9],
    )
    found = read_given(path, params(columns={"labels": "y", "group": "test_patient"}))
    assert found.splits == ("train", "train", "train", "test")
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.groups == ("7", "7", "8", "9")
    assert found.ids == ("train/0", "train/1", "train/2", "test/0")
    assert not found.named
    assert found.class_names == ("0", "1")
    assert found.features is None


def test_labels_of_several_are_known_or_not_as_the_rule_says(tmp_path):
    states = np.array([[1, 0], [np.nan, -1], [0, 1], [1, 1]])
    path = save(tmp_path / "a.npz", logits=LOGITS, labels=states)
    found = read_given(path, params("multilabel", blank="ignore", uncertain="positive"))
    np.testing.assert_array_equal(found.labels, [[1, 0], [0, 1], [0, 1], [1, 1]])
    np.testing.assert_array_equal(found.unknown, [[0, 0], [1, 0], [0, 0], [0, 0]])
    held = {"prob_a": [0.5] * 4, "prob_b": [0.1] * 4}
    held |= {"label_b": ["0", "-1", "1", "1"], "label_a": ["1", "", "0", "1"]}
    table = save(tmp_path / "a.csv", **held)
    other = read_given(table, params("multilabel", blank="ignore", uncertain="positive"))
    assert other.class_names == ("a", "b")
    np.testing.assert_array_equal(other.labels, found.labels)
    np.testing.assert_array_equal(other.unknown, found.unknown)


def test_a_single_label_is_binary(tmp_path):
    path = save(tmp_path / "a.npz", probabilities=[0.5, 0.25], labels=[1, 0])
    found = read_given(path, params("multilabel", classes=("ill",)))
    assert (found.task, found.class_names) == ("binary", ("ill",))
    np.testing.assert_allclose(found.logits, [[0.0], [-np.log(3)]], rtol=1e-6)
    np.testing.assert_array_equal(found.labels, [[1], [0]])


def test_scores_come_in_the_order_of_classes(tmp_path):
    path = save(tmp_path / "a.csv", **as_columns())
    found = read_given(path, params(classes=("dog", "cat")))
    np.testing.assert_array_equal(found.logits, LOGITS[:, ::-1].astype(np.float32))
    np.testing.assert_array_equal(found.labels, 1 - LABELS)


def test_columns_have_names_of_their_own(tmp_path):
    held = {"e1": [1, 2], "e2": [3, 4], "who": [5, 6], "class": ["b", "a"]}
    path = save(tmp_path / "a.csv", **held)
    columns = {"features": ["e2", "e1"], "group": "who", "labels": "class"}
    found = read_given(path, params(columns=columns))
    np.testing.assert_array_equal(found.features, [[3, 1], [4, 2]])
    assert (found.class_names, found.groups) == (("a", "b"), ("5", "6"))


def test_features_alone_are_enough(tmp_path):
    found = read_given(save(tmp_path / "a.npz", features=FEATURES, labels=[3, 7, 7, 3]), params())
    assert (found.class_names, found.logits) == (("3", "7"), None)
    np.testing.assert_array_equal(found.labels, [0, 1, 1, 0])
    assert read_given(save(tmp_path / "b.npz", features=FEATURES), params()).labels is None


def test_logits_of_classes_give_the_probabilities_again():
    given = np.array([[0.2, 0.3, 0.5], [1, 0, 0]])
    logits = class_logits(given, place="here")
    np.testing.assert_allclose(np.exp(logits), given, atol=1e-7)
    assert logits[1, 1] == np.float32(np.log(LEAST))


@given(arrays(np.float32, 50, elements=st.floats(0, 1, width=32)))
def test_log_odds_keep_which_probability_is_larger(values):
    logits = label_logits(values[:, None], place="here")[:, 0]
    kept = np.clip(values.astype(np.float64), LEAST, 1 - 2.0**-53)
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(
        np.sign(kept[:, None] - kept[None]), np.sign(logits[:, None] - logits[None])
    )
    with np.errstate(divide="ignore"):
        exact = np.log(kept) - np.log1p(-kept)
    np.testing.assert_allclose(logits, exact, rtol=1e-5, atol=1e-5)


def test_neighbouring_small_probabilities_stay_apart():
    values = 0.0116194645 + np.arange(40) * np.spacing(np.float32(0.0116194645))
    logits = label_logits(values.astype(np.float32)[:, None], place="here")[:, 0]
    assert (np.diff(logits) > 0).all()
    naive = (np.log(values) - np.log1p(-values)).astype(np.float32)
    assert (np.diff(naive) == 0).any()


BAD = {
    "nan": ({"features": np.where(FEATURES > 1, np.nan, FEATURES)}, {}, "finite numbers"),
    "inf": ({"features": np.where(FEATURES > 1, np.inf, FEATURES)}, {}, r"at \[2, 2\]"),
    "too large": ({"features": FEATURES * 1e300}, {}, "below 3.4e38"),
    "rows": ({"features": FEATURES, "labels": LABELS[:3]}, {}, "differ in rows.*features 4"),
    "floats": ({"logits": LOGITS, "labels": LABELS + 0.5}, {}, "whole numbers"),
    "texts": ({"logits": LOGITS, "labels": ["x", "y", "x", "y"]}, {}, "of which class"),
    "large": ({"features": FEATURES, "labels": LABELS * 1e300}, {}, "row 1: found 1e.300; allow"),
    "unsigned": (
        {"features": FEATURES, "labels": LABELS.astype("u8") + np.uint64(2**63)},
        {},
        r"row 0: found 9223372036854775808; allowed: below 2 \*\* 63",
    ),
    "no axis": ({"features": FEATURES, "labels": np.int64(3)}, {}, "labels has no axis; allowed"),
    "class": ({"logits": LOGITS, "labels": LABELS + 1}, {}, "found label 2; allowed: 0 to 1"),
    "unknown class": (
        {"logits": LOGITS, "labels": ["x", "y", "x", "z"], "class_names": ["x", "y"]},
        {},
        "row 3: found class 'z'; allowed: x, y",
    ),
    "column": ({"emb": FEATURES}, {"columns": {"features": "embedding"}}, "found: emb"),
    "neither": ({"labels": LABELS}, {}, "neither features nor logits"),
    "sum": ({"probabilities": [[0.5, 0.5], [0.5, 0.4]]}, {}, "row 1 sums to 0.9"),
    "outside": ({"probabilities": [[1.5, -0.5]]}, {}, r"found 1.5 at \[0, 0\]"),
    "outside of a label": ({"probabilities": [[2.0]]}, {"task": "multilabel"}, "from 0 to 1"),
    "one column": ({"logits": [[2.0]]}, {}, "task: multilabel"),
    "twice": ({"logits": LOGITS, "id": ["a", "b", "a", "c"]}, {}, "'a' again, after row 0"),
    "blank id": ({"logits": LOGITS, "id": ["a", "", "b", "c"]}, {}, "blank as id"),
    "split": ({"logits": LOGITS, "split": ["train", "x", "test", "test"]}, {}, "found split 'x'"),
    "names": ({"logits": LOGITS, "class_names": ["a", "b", "c"]}, {}, "2 columns for the 3"),
    "blank label": (
        {"logits": LOGITS, "labels": [[1, 0], [0, np.nan], [0, 0], [0, 0]]},
        {"task": "multilabel"},
        r"nan at \[1, 1\].*source.blank",
    ),
    "no label": (
        {"logits": LOGITS, "labels": np.full((4, 2), 0.5)},
        {"task": "multilabel"},
        "0 and 1",
    ),
    "several": ({"features": FEATURES, "labels": LOGITS}, {}, "task: multilabel"),
    "head": ({"features": FEATURES, "logits": LOGITS, "head_weight": LOGITS}, {}, r"\[m d\]"),
    "objects": ({"features": np.array([{}, 1, 2, 3], dtype=object)}, {}, "Python objects"),
    "shape": ({"features": LABELS}, {}, r"shape \(4,\)"),
    "empty": ({"features": FEATURES[:0]}, {}, "no rows"),
}


def test_an_id_twice_names_both_places_as_the_table_counts_them(tmp_path):
    path = save(tmp_path / "bad.csv", **as_columns(id=["a", "b", "a", "c"]))
    with pytest.raises(InputError, match=r"bad\.csv, line 4: found id 'a' again, after .*line 2;"):
        read_given(path, params())


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_line(tmp_path, case):
    held, options, message = BAD[case]
    path = save(tmp_path / "bad.npz", **held)
    with pytest.raises(InputError, match=message) as caught:
        read_given(path, params(**options))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize(
    ("held", "options", "message"),
    [
        (as_columns(feature_1=["x", 1, 2, 3]), {}, "line 2: found 'x' in column 'feature_1'"),
        (as_columns(feature_1=["", 1, 2, 3]), {}, "line 2: found nothing in column"),
        (as_columns(feature_1=["inf", 1, 2, 3]), {}, "line 2: features: found inf"),
        (as_columns(label=["cat", "dog", "cow", "cat"]), {}, "line 4: found class 'cow'"),
        (as_columns(), {"columns": {"features": "emb"}}, "no column.*'emb'.*found: feature_0"),
        (as_columns(), {"columns": {"group": "patient"}}, "no column 'patient'"),
        (as_columns(), {"columns": {"head_bias": "b"}}, "no table holds it"),
        (as_columns(label_x=[0, 1, 0, 1]), {"task": "multilabel"}, "labels are of x, scores of"),
    ],
)
def test_what_is_wrong_in_a_table(tmp_path, held, options, message):
    path = save(tmp_path / "bad.csv", **held)
    with pytest.raises(InputError, match=message):
        read_given(path, params(**options))


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.parquet", "a.csv", "a.txt"])
def test_damaged_files_say_so(tmp_path, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with pytest.raises(InputError, match=r"file not found|found suffix"):
        read_given(path, params())
    path.write_bytes(b"\xff\xfeno file\x00")
    with pytest.raises(InputError, match=r"cannot be read as|not UTF-8|found suffix"):
        read_given(path, params())


def test_splits_of_other_sizes_are_refused(tmp_path):
    path = save(tmp_path / "a.npz", train_logits=LOGITS, test_logits=LOGITS, test_labels=LABELS)
    with pytest.raises(InputError, match="no array 'train_labels'"):
        read_given(path, params())
    path = save(tmp_path / "b.npz", test_logits=LOGITS, test_labels=LABELS[:2])
    with pytest.raises(InputError, match="test arrays differ in rows: test_logits 4"):
        read_given(path, params())
