import h5py
import numpy as np
import pytest

from imbalens.errors import InputError
from imbalens.store.hdf5 import Variable, _GuardedFile, create, open_checked, read_text
from tests.full_disk import file_size_limit

VARIABLES = (
    Variable("{split}/features", "float32", ("n", "d"), "embeddings"),
    Variable("{split}/labels", "int64", ("n",), "classes"),
    Variable("{split}/boxes", "int64", ("b", "4"), "x, y, w, h", optional=True),
    Variable("head/weight", "float32", ("m", "d"), "weights"),
    Variable("head/names", "str", ("m",), "classes"),
)
GOOD = {
    "train/features": np.ones((5, 3), np.float32),
    "train/labels": np.arange(5),
    "test/features": np.ones((2, 3), np.float32),
    "test/labels": np.arange(2),
    "head/weight": np.ones((2, 3), np.float32),
    "head/names": np.array(["cat", "dög"], dtype=object),
}


def write(path, arrays, *, splits=("train", "test"), version=1):
    with create(path, "features", version) as file:
        file.attrs["splits"] = list(splits)
        for name, array in arrays.items():
            dtype = h5py.string_dtype() if array.dtype == object else None
            file.create_dataset(name, data=array, dtype=dtype, track_times=False)


def check(path, **needed):
    return open_checked(path, "features", 1, VARIABLES, command="dvc repro x@y", **needed)


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "a.h5", GOOD)
    with check(tmp_path / "a.h5", needs=["test"]) as file:
        assert file["train/labels"][:].tolist() == [0, 1, 2, 3, 4]
        assert read_text(file["head/names"]) == ("cat", "dög")


def test_writing_again_gives_the_same_bytes(tmp_path):
    write(tmp_path / "a.h5", GOOD)
    write(tmp_path / "b.h5", GOOD)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"test/features": None},
            "has no dataset 'test/features' (found: 'labels'); run: dvc repro x@y",
        ),
        ({"test/features": None, "test/labels": None}, "(found: 'head', 'train'); run:"),
        ({"train/labels": np.arange(4)}, "has n = 4 in 'train/labels' [n], but 5 in"),
        ({"train/labels": np.ones((5, 1), np.int64)}, "has shape (5, 1) in 'train/labels'"),
        ({"train/labels": np.ones(5)}, "has float64 in 'train/labels' (wanted: int64)"),
        ({"head/weight": np.ones((2, 4), np.float32)}, "has d = 3 in 'train/features'"),
        ({"head/names": np.arange(2)}, "has int64 in 'head/names' (wanted: str)"),
        ({"test/boxes": np.ones((1, 5), np.int64)}, "has 4 = 5 in 'test/boxes' [b 4], but 4"),
    ],
)
def test_a_file_not_as_declared_says_what_and_what_to_run(tmp_path, change, message):
    arrays = {name: array for name, array in (GOOD | change).items() if array is not None}
    write(tmp_path / "a.h5", arrays)
    with pytest.raises(InputError) as caught, check(tmp_path / "a.h5"):
        pass
    assert str(caught.value).startswith(f"{tmp_path / 'a.h5'} has")
    assert message in str(caught.value)


FORMS = (
    Variable("{split}/features", "float32", ("n", "d"), "embeddings"),
    Variable("{split}/labels", "int64", ("n",), "classes"),
    Variable("{split}/labels", "uint8", ("n", "m"), "1 where it has a label"),
    Variable("{split}/extra", "int64", ("m", "2"), "one form", optional=True),
    Variable("{split}/extra", "float32", ("m",), "another form", optional=True),
    Variable("head/weight", "float32", ("m", "d"), "weights"),
)


def check_forms(path):
    return open_checked(path, "features", 1, FORMS, command="dvc repro x@y")


@pytest.mark.parametrize(
    "labels",
    [
        {"train/labels": np.arange(5), "test/labels": np.arange(2)},
        {"train/labels": np.ones((5, 2), np.uint8), "test/labels": np.ones((2, 2), np.uint8)},
        {"train/labels": np.arange(5), "test/labels": np.ones((2, 2), np.uint8)},
    ],
    ids=["first", "second", "both"],
)
@pytest.mark.parametrize("extra", [None, np.ones((2, 2), np.int64), np.ones(2, np.float32)])
def test_a_variable_may_be_of_any_of_its_forms(tmp_path, labels, extra):
    arrays = GOOD | labels | ({} if extra is None else {"train/extra": extra})
    write(tmp_path / "a.h5", arrays)
    with check_forms(tmp_path / "a.h5") as file:
        assert (file["train/labels"][:] == labels["train/labels"]).all()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"train/labels": np.ones(5, np.float32)},
            "has float32 in 'train/labels' (wanted: int64); or has float32 in 'train/labels' "
            "(wanted: uint8)",
        ),
        (
            {"test/labels": np.arange(3)},
            "has n = 3 in 'test/labels' [n], but 2 in 'test/features'; or has int64 in "
            "'test/labels' (wanted: uint8)",
        ),
        (
            {"test/labels": np.ones((2, 3), np.uint8)},
            "has uint8 in 'test/labels' (wanted: int64); or has m = 3 in 'test/labels' [n m], "
            "but 2 in 'head/weight'",
        ),
        (
            {"train/labels": np.ones((5, 1), np.int64)},
            "has shape (5, 1) in 'train/labels' (wanted: [n]); or has int64 in 'train/labels' "
            "(wanted: uint8)",
        ),
        ({"train/labels": None}, "has no dataset 'train/labels' (found: 'features')"),
        (
            {"train/extra": np.ones((2, 3), np.int64)},
            "has 2 = 3 in 'train/extra' [m 2], but 2 in 'the schema'; or has int64 in "
            "'train/extra' (wanted: float32)",
        ),
    ],
)
def test_what_is_of_no_form_is_compared_with_each(tmp_path, change, problem):
    arrays = {name: array for name, array in (GOOD | change).items() if array is not None}
    write(tmp_path / "a.h5", arrays)
    with pytest.raises(InputError) as caught, check_forms(tmp_path / "a.h5"):
        pass
    assert str(caught.value) == f"{tmp_path / 'a.h5'} {problem}; run: dvc repro x@y"


def test_a_form_that_does_not_fit_leaves_no_size_behind(tmp_path):
    """The first form would say that n is 4 before its k proves wrong."""
    forms = (
        Variable("a", "int64", ("n", "3"), "one form"),
        Variable("a", "int64", ("k", "2"), "another form"),
        Variable("b", "int64", ("n",), "of another length than a"),
    )
    with create(tmp_path / "a.h5", "features", 1) as file:
        file["a"], file["b"] = np.ones((4, 2), np.int64), np.ones(7, np.int64)
    with open_checked(tmp_path / "a.h5", "features", 1, forms, command="x") as file:
        assert file["b"].shape == (7,)


def test_an_absent_split_is_named(tmp_path):
    write(tmp_path / "a.h5", GOOD)
    with (
        pytest.raises(InputError, match=r"has no split 'val' \(found: 'train', 'test'\); run"),
        check(tmp_path / "a.h5", needs=["val"]),
    ):
        pass


def test_an_absent_attribute_is_named(tmp_path):
    write(tmp_path / "a.h5", GOOD)
    with check(tmp_path / "a.h5", attributes={"splits": "texts"}):
        pass
    with (
        pytest.raises(
            InputError,
            match=r"has no attribute 'counts' \(found: 'schema', 'splits', 'version'\); run: dvc",
        ),
        check(tmp_path / "a.h5", attributes={"splits": "texts", "counts": "integers"}),
    ):
        pass


def virtual(path):
    layout = h5py.VirtualLayout((5, 3), np.float32)
    layout[:] = h5py.VirtualSource(str(path.with_name("absent.h5")), "x", (5, 3))
    with h5py.File(path, "r+") as file:
        file.create_virtual_dataset("train/features", layout, fillvalue=1)


def external(path):
    path.with_name("other").write_bytes(bytes(60))
    where = [(str(path.with_name("other")), 0, 60)]
    with h5py.File(path, "r+") as file:
        file.create_dataset("train/features", (5, 3), np.float32, external=where)


def linked(path):
    write(path.with_name("other.h5"), GOOD)
    with h5py.File(path, "r+") as file:
        file["train/features"] = h5py.ExternalLink("other.h5", "train/features")


def unwritten(path):
    with h5py.File(path, "r+") as file:
        file.create_dataset("train/features", (5, 3), np.float32)


FOREIGN = {
    virtual: "is a virtual dataset",
    external: "is stored in another file",
    linked: "is a link to another file",
    unwritten: "was never written",
}


@pytest.mark.parametrize(
    ("make", "says"), FOREIGN.items(), ids=[make.__name__ for make in FOREIGN]
)
def test_values_that_are_not_in_the_file_are_refused(tmp_path, make, says):
    path = tmp_path / "a.h5"
    write(path, {name: array for name, array in GOOD.items() if name != "train/features"})
    make(path)
    with (
        pytest.raises(InputError, match=rf"a\.h5 has 'train/features', which {says}.*; run: dvc"),
        check(path),
    ):
        pass


@pytest.mark.parametrize("name", ["schema", "version", "splits", "class_names"])
@pytest.mark.parametrize(
    "value",
    [np.ones((2, 2)), 3, b"\xff", "train", h5py.Empty("f"), np.ones(2, dtype=[("a", "i4")])],
    ids=["matrix", "number", "bytes", "text", "nothing", "record"],
)
def test_a_strange_attribute_says_what_to_run(tmp_path, name, value):
    write(tmp_path / "a.h5", GOOD)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs[name] = value
    with (
        pytest.raises(InputError, match=r"a\.h5 .*; run: dvc repro x@y"),
        check(tmp_path / "a.h5", attributes={"class_names": "texts"}),
    ):
        pass


def test_attributes_may_be_of_any_size(tmp_path):
    names = [f"class {label:014d}" for label in range(5000)]
    counts = np.arange(20_000)
    for path in (tmp_path / "a.h5", tmp_path / "b.h5"):
        with create(path, "features", 1) as file:
            file.attrs["names"], file.attrs["counts"] = names, counts
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file.attrs["names"]) == names
        assert (file.attrs["counts"] == counts).all()
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_another_version_is_an_error(tmp_path):
    write(tmp_path / "a.h5", GOOD, version=2)
    with (
        pytest.raises(InputError, match=r"schema 'features' version 2 \(wanted: 'features' 1\)"),
        check(tmp_path / "a.h5"),
    ):
        pass


def test_an_absent_file_says_what_to_run(tmp_path):
    with (
        pytest.raises(InputError, match=r"a\.h5 is missing; run: dvc repro x@y"),
        check(tmp_path / "a.h5"),
    ):
        pass


@pytest.mark.parametrize("kept", [0, 100, 3000])
def test_a_truncated_file_says_what_to_run(tmp_path, kept):
    path = tmp_path / "a.h5"
    write(path, GOOD)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"is damaged .*; run: dvc repro x@y"), check(path):
        pass


@pytest.mark.parametrize("limit", [0, 500, 3000, 20_000])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, limit):
    path = tmp_path / "a.h5"
    with (
        pytest.raises(InputError, match=r"a\.h5: cannot be written .*free some space"),
        file_size_limit(limit),
    ):
        write(path, GOOD | {"head/big": np.ones(10_000)})
    assert list(tmp_path.iterdir()) == []


def test_what_a_failure_kept_from_the_file_reads_as_zeros(tmp_path):
    with file_size_limit(4), _GuardedFile(tmp_path / "a", "w+") as file:
        assert file.write(b"abcdefgh") == 8
        file.seek(2)
        buffer = bytearray(b"XXXXXX")
        assert file.readinto(buffer) == 6
        assert buffer == b"cd\0\0\0\0"
        with pytest.raises(OSError, match="File too large"):
            file.raise_failure()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"a\.h5: cannot be written"):
        write(tmp_path / "file" / "a.h5", GOOD)


def test_a_failure_keeps_what_stood_there(tmp_path):
    path = tmp_path / "a.h5"
    write(path, GOOD)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), create(path, "features", 1):
        raise ZeroDivisionError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
