import h5py
import numpy as np
import pytest

from imbalens.data.arrays import open_arrays
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.datasets import Arrays
from imbalens.store.prepared import read_split


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8),
        "train_labels": np.array([0, 1, 2, 0, 1, 2], np.uint8),
        "test_images": rng.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8),
        "test_labels": np.array([2, 0, 1]),
        "class_names": np.array(["ape", "bee", "cat"]),
    }


def write(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            text = array.dtype.kind == "U"
            file.create_dataset(name, data=array.astype(object) if text else array)


def source(path):
    return Arrays(name="arrays", path=str(path), digest=None)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.hdf5"])
def test_images_labels_and_names_are_read(tmp_path, arrays, name):
    write(tmp_path / name, arrays)
    opened = open_arrays(source(tmp_path / name), 8)
    assert opened.class_names == ("ape", "bee", "cat")
    assert opened.test.labels.tolist() == [2, 0, 1]
    positions = np.array([4, 0, 5])
    assert (opened.train.read(positions) == arrays["train_images"][positions]).all()


def stray(label):
    return np.array([0, 1, 2, 0, 1, label], np.uint64)


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_grey_images_without_names_are_prepared_at_another_size(
    tmp_path, arrays, make_dataset, name
):
    for split in ("train", "test"):
        arrays[f"{split}_images"] = np.full_like(arrays[f"{split}_images"][..., 0], 77)
    arrays["train_images"][0] = 0
    del arrays["class_names"]
    write(tmp_path / name, arrays)
    output = tmp_path / "out.h5"
    summary = prepare(make_dataset(source(tmp_path / name), image_size=16), output)
    assert summary["counts"]["train"] == {"0": 2, "1": 2, "2": 2}
    images = read_split(output, "test").images
    assert images.shape == (3, 16, 16, 3)
    assert (images == 77).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_labels": None}, "has no array 'test_labels'; needs train_images, train_labels"),
        ({"train_images": np.ones((6, 8, 8, 3))}, "train_images is float64 of shape (6, 8, 8, 3)"),
        ({"train_images": np.ones((6, 8, 8, 4), np.uint8)}, "allowed: uint8 of shape [n h w 3]"),
        ({"train_labels": np.ones(6)}, "train_labels is float64 of shape (6,)"),
        ({"train_labels": np.arange(5)}, "found 6 train_images and 5 train_labels"),
        ({"train_images": np.ones((6, 0, 8, 3), np.uint8)}, "h and w at least 1"),
        ({"train_images": np.ones((6, 8, 0), np.uint8)}, "h and w at least 1"),
        ({"train_labels": np.arange(6)}, "train_labels has label 5; allowed: 0 to 2"),
        ({"test_labels": np.array([0, -1, 2])}, "test_labels has label -1; allowed: 0 to 2"),
        ({"train_labels": stray(10**9)}, "train_labels has label 1000000000; allowed: 0 to 2"),
        (
            {"train_labels": stray(10**9), "class_names": None},
            "train_labels has label 1000000000; allowed: 0 to 5",
        ),
        (
            {"train_labels": stray(2**63 + 1), "class_names": None},
            "train_labels has label 9223372036854775809; allowed: 0 to 5",
        ),
        (
            {"train_labels": -np.ones(6, np.int8), "class_names": None},
            "train_labels has label -1; allowed: 0 to 5",
        ),
        (
            {"test_labels": np.array([0, 3, 2]), "class_names": None},
            "test_labels has label 3; allowed: 0 to 2",
        ),
        ({"class_names": np.array(["a", "a", "b"])}, "classes 0 and 1 have one name, 'a'"),
        ({"class_names": np.array(["a", " ", "b"])}, "name of class 1, ' ', is empty"),
        ({"class_names": np.arange(3)}, "allowed: different texts"),
    ],
)
@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_arrays_that_do_not_fit_are_named(tmp_path, arrays, change, message, name):
    changed = {key: value for key, value in (arrays | change).items() if value is not None}
    write(tmp_path / name, changed)
    with pytest.raises(InputError) as caught:
        open_arrays(source(tmp_path / name), 8)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("train_labels", "integers"), ("test_images", "uint8"), ("class_names", "text")],
)
def test_python_objects_are_named_with_what_to_save_instead(tmp_path, arrays, name, kind):
    arrays["notes"] = np.array([{}])  # not read, so no matter
    write(tmp_path / "a.npz", arrays)
    assert open_arrays(source(tmp_path / "a.npz"), 8).class_names == ("ape", "bee", "cat")
    arrays[name] = arrays[name].astype(object)
    write(tmp_path / "a.npz", arrays)
    with pytest.raises(InputError, match=rf"{name} holds Python objects; save it as {kind}"):
        open_arrays(source(tmp_path / "a.npz"), 8)


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_truncated_file_is_named(tmp_path, arrays, name, kept):
    path = tmp_path / name
    write(path, arrays)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=rf"{name}: cannot be read as .*write the file again"):
        open_arrays(source(path), 8)


def test_an_absent_or_unknown_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.npz: file not found"):
        open_arrays(source(tmp_path / "a.npz"), 8)
    with pytest.raises(InputError, match=r"found suffix '\.csv'; allowed: \.npz"):
        open_arrays(source(tmp_path / "a.csv"), 8)
