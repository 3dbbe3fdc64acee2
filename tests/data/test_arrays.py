import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from imbalens.data import array_files
from imbalens.data import arrays as module
from imbalens.data.arrays import open_arrays
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.sources import Arrays
from imbalens.store.prepared import read_metadata, read_split

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
SEVERAL = {"train": [[1, 0, 1], [0, 0, 0]] * 3, "test": [[0, 1, 1], [1, 0, 0], [0, 0, 1]]}


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


def source(path, task="multiclass"):
    return Arrays(name="arrays", path=str(path), task=task, digest=None)


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
        ({"class_names": np.array("ape")}, "of shape (); allowed: different texts of shape"),
        ({"class_names": np.array([["a", "b"]])}, "of shape (1, 2); allowed: different texts"),
        ({"class_names": np.array(["a", "b", "c"] * 20000)}, "of shape (60000,); allowed"),
        ({"train_labels": np.int8(1)}, "train_labels is int8 of shape (); allowed: integers"),
        ({"train_labels": np.array(list("012012"))}, "train_labels is <U"),
        ({"train_labels": np.zeros(6, [("a", int)])}, "allowed: integers of shape [n]"),
        ({"train_labels": np.zeros(6, "V4")}, "train_labels is |V4 of shape (6,)"),
        ({"train_labels": np.zeros(6, bool)}, "train_labels is bool of shape (6,)"),
        ({"train_images": np.uint8(1)}, "train_images is uint8 of shape (); allowed"),
        ({"train_images": np.ones((6, 8, 8, 3), bool)}, "train_images is bool of shape"),
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


def medmnist(arrays):
    """Lay out arrays as MedMNIST does: labels in a column, validation images, no names."""
    made = {name: array for name, array in arrays.items() if name != "class_names"}
    made |= {"val_images": made["test_images"][:2] // 2, "val_labels": np.array([1, 1])}
    return made | {key: made[key][:, None].astype(np.uint8) for key in made if "labels" in key}


def several(arrays):
    """The same with three labels, of which an image has any or none."""
    made = medmnist(arrays)
    made |= {f"{split}_labels": np.array(SEVERAL[split], np.uint8) for split in SEVERAL}
    return made | {"val_labels": np.array([[0, 0, 0], [1, 1, 1]], np.uint8)}


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_a_file_of_medmnist_is_prepared_as_it_is(tmp_path, arrays, make_dataset, name):
    write(tmp_path / name, medmnist(arrays))
    given = {"validation": {"share": None, "seed": 0}, "image_size": 8}
    summary = prepare(make_dataset(source(tmp_path / name), **given), tmp_path / "out.h5")
    assert summary["counts"] == {
        "train": {"0": 2, "1": 2, "2": 2},
        "val": {"0": 0, "1": 2, "2": 0},
        "test": {"0": 1, "1": 1, "2": 1},
    }
    val = read_split(tmp_path / "out.h5", "val")
    assert (val.images == arrays["test_images"][:2] // 2).all()
    assert val.names == ("val/0", "val/1")


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_columns_of_0_and_1_are_several_labels(tmp_path, arrays, make_dataset, name):
    write(tmp_path / name, several(arrays))
    given = {"validation": {"share": None, "seed": 0}, "image_size": 8}
    dataset = make_dataset(source(tmp_path / name, "multilabel"), **given)
    assert dataset.source.several_labels
    summary = prepare(dataset, tmp_path / "out.h5")
    assert summary["counts"]["train"] == {"0": 3, "1": 0, "2": 3}
    assert summary["negatives"]["test"] == {"0": 2, "1": 2, "2": 1}
    prepared = read_metadata(tmp_path / "out.h5")
    assert (prepared.task, prepared.splits) == ("multilabel", ("train", "val", "test"))
    assert read_split(tmp_path / "out.h5", "test").labels.tolist() == SEVERAL["test"]


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        (
            "multiclass",
            {},
            "train_labels is uint8 of shape (6, 3); allowed: integers of shape [n] or [n 1], or "
            "source.task: multilabel",
        ),
        (
            "multilabel",
            {"train_labels": np.arange(6)[:, None]},
            "train_labels is int64 of shape (6, 1); allowed: integers of shape [n m], m at least "
            "2, or source.task: multiclass",
        ),
        (
            "multilabel",
            {"train_labels": np.ones((6, 3), bool)},
            "train_labels is bool of shape (6, 3); allowed: integers of shape [n m], m at least 2",
        ),
        (
            "multilabel",
            {"val_labels": np.array([[0, 0, 0], [0, 0, -1]])},
            "val_labels has -1 at [1, 2]; allowed: 0 and 1, where an image has a label",
        ),
        (
            "multilabel",
            {"test_labels": np.zeros((3, 4), int)},
            "test_labels has 4 columns; allowed: 3, one for each label",
        ),
        (
            "multilabel",
            {"class_names": np.array(["a", "b"])},
            "train_labels has 3 columns; allowed: 2, one for each label",
        ),
        (
            "multilabel",
            {"val_labels": None},
            "has no array 'val_labels'; needs val_images, val_labels",
        ),
        (
            "multilabel",
            {"val_images": None},
            "has no array 'val_images'; needs val_images, val_labels",
        ),
    ],
)
def test_labels_that_do_not_fit_the_task_are_named(tmp_path, arrays, name, task, change, message):
    made = several(arrays) | change
    write(tmp_path / name, {key: value for key, value in made.items() if value is not None})
    assert refuse(tmp_path / name, task) == message


@pytest.mark.skipif(
    not (REAL / "pneumoniamnist.npz").is_file(),
    reason="needs the real images: pneumoniamnist.npz in $IMBALENS_REAL_DATA or ../shared/data",
)
def test_the_real_pneumoniamnist_is_prepared_as_it_is(tmp_path, make_dataset):
    given = {"validation": {"share": None, "seed": 0}, "image_size": 28}
    given = make_dataset(source(REAL / "pneumoniamnist.npz"), **given)
    assert prepare(given, tmp_path / "out.h5")["counts"] == {
        "train": {"0": 388, "1": 3494},
        "val": {"0": 135, "1": 389},
        "test": {"0": 234, "1": 390},
    }
    with np.load(REAL / "pneumoniamnist.npz") as real:
        for split in ("train", "val", "test"):
            stored = read_split(tmp_path / "out.h5", split)
            name = f"{split}_labels"
            assert (stored.labels == real[name][stored.index, 0]).all()
            name = f"{split}_images"
            assert (stored.images == real[name][stored.index][..., None]).all()


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
@pytest.mark.parametrize(
    "change",
    [
        lambda images, labels: (images, labels.astype(">i8")),
        lambda images, labels: (images, labels.astype("<u8")),
        lambda images, labels: (np.asfortranarray(images), labels[::-1][::-1]),
        lambda images, labels: (images[::-1][::-1], np.repeat(labels, 2)[::2]),
    ],
    ids=["big-endian", "unsigned", "Fortran order", "strides"],
)
def test_however_arrays_are_laid_out_they_are_the_same(tmp_path, arrays, name, change):
    images, labels = arrays["train_images"], arrays["train_labels"]
    changed = dict(zip(("train_images", "train_labels"), change(images, labels), strict=True))
    write(tmp_path / name, arrays | changed)
    train = open_arrays(source(tmp_path / name), 8).train
    assert train.labels.dtype == np.int64
    assert (train.labels == labels).all()
    assert (train.read(np.arange(6)) == images).all()


def refuse(path, task="multiclass"):
    with pytest.raises(InputError) as caught:
        open_arrays(source(path, task), 8)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def rewrite(path, arrays, name, create):
    """Write an HDF5 file, one array of it by `create(file)`."""
    write(path, {key: value for key, value in arrays.items() if key != name})
    with h5py.File(path, "r+") as file:
        create(file)


@pytest.mark.parametrize("name", ["train_images", "test_labels", "class_names"])
def test_what_is_in_another_file_is_not_read(tmp_path, arrays, name):
    write(tmp_path / "other.h5", arrays)
    path = tmp_path / "a.h5"
    link = h5py.ExternalLink("other.h5", f"/{name}")
    rewrite(path, arrays, name, lambda file: file.update({name: link}))
    message = refuse(path)
    assert message == (
        f"{name} is a link to another file, 'other.h5'; write all its values into this file"
    )


def test_the_text_of_another_file_does_not_become_images(tmp_path, arrays):
    (tmp_path / "secret").write_bytes(b"secret" * 192)
    raw = [(str(tmp_path / "secret"), 0, 1152)]
    rewrite(
        tmp_path / "a.h5",
        arrays,
        "train_images",
        lambda file: file.create_dataset("train_images", (6, 8, 8, 3), "uint8", external=raw),
    )
    assert refuse(tmp_path / "a.h5").startswith("train_images is stored in another file, ")


def test_labels_that_nobody_wrote_are_not_zeros(tmp_path, arrays):
    rewrite(
        tmp_path / "a.h5",
        arrays,
        "train_labels",
        lambda file: file.create_dataset("train_labels", (2**40,), "uint8", chunks=(2**30,)),
    )
    message = refuse(tmp_path / "a.h5")
    assert message.startswith("train_labels was never written in 1,024 of its 1,024 chunks")


def test_links_to_nowhere_and_links_within_the_file_are_no_obstacle(tmp_path, arrays):
    def link(file):
        file["kept/labels"] = arrays["train_labels"]
        file["train_labels"] = h5py.SoftLink("/kept/labels")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["gone"] = h5py.ExternalLink("gone.h5", "/x")

    rewrite(tmp_path / "a.h5", arrays, "train_labels", link)
    opened = open_arrays(source(tmp_path / "a.h5"), 8)
    assert opened.train.labels.tolist() == arrays["train_labels"].tolist()


def compound(file):
    file.create_dataset("train_labels", (6,), [("a", "i4"), ("b", "f4")])[:] = (1, 2.0)


def boolean_enum(file):
    file["train_labels"] = np.zeros(6, bool)


def reference(file):
    file.create_dataset("train_labels", data=[file.ref] * 6, dtype=h5py.ref_dtype)


def arrays_as_values(file):
    file.create_dataset("train_labels", (6,), np.dtype(("i4", (3,))))[:] = np.ones((6, 3))


def variable_length(file):
    file.create_dataset("train_labels", (6,), h5py.vlen_dtype("i4"))[:] = [np.arange(2)] * 6


def opaque(file):
    file.create_dataset("train_labels", data=np.zeros(6, "V3"))


def null(file):
    file["train_labels"] = h5py.Empty("i8")


def scalar(file):
    file["train_labels"] = 3


def durations(file):
    days = np.zeros(6, "m8[D]")
    file["train_labels"] = days.astype(h5py.opaque_dtype(days.dtype))


def committed(file):
    file["train_labels"] = np.dtype("i8")


def a_group(file):
    file.create_group("train_labels")


@pytest.mark.parametrize(
    "create",
    [
        compound,
        boolean_enum,
        reference,
        arrays_as_values,
        variable_length,
        opaque,
        null,
        scalar,
        durations,
        committed,
        a_group,
    ],
)
def test_what_are_no_integers_in_hdf5_is_named(tmp_path, arrays, create):
    rewrite(tmp_path / "a.h5", arrays, "train_labels", create)
    message = refuse(tmp_path / "a.h5")
    assert message.startswith(("train_labels is ", "has no array 'train_labels'"))


@pytest.mark.parametrize("kind", ["m8[D]", "M8[s]"])
def test_times_are_no_labels(tmp_path, arrays, kind):
    arrays["train_labels"] = np.zeros(6, "i8").view(kind)
    write(tmp_path / "a.npz", arrays)
    assert refuse(tmp_path / "a.npz").startswith("train_labels is ")


def test_an_enumeration_of_integers_is_its_integers(tmp_path, arrays):
    kind = h5py.enum_dtype({"ape": 0, "bee": 1, "cat": 2}, basetype="u1")

    def create(file):
        file.create_dataset("train_labels", data=arrays["train_labels"], dtype=kind)

    rewrite(tmp_path / "a.h5", arrays, "train_labels", create)
    opened = open_arrays(source(tmp_path / "a.h5"), 8)
    assert opened.train.labels.tolist() == arrays["train_labels"].tolist()


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
@pytest.mark.parametrize("limit", ["MAX_IMAGES", "MAX_PIXELS"])
def test_more_images_or_pixels_than_are_allowed_are_not_read(
    tmp_path, arrays, monkeypatch, name, limit
):
    write(tmp_path / name, arrays)
    largest = {"MAX_IMAGES": 6, "MAX_PIXELS": 64}[limit]
    where = {"MAX_IMAGES": module, "MAX_PIXELS": array_files}[limit]
    monkeypatch.setattr(where, limit, largest)
    open_arrays(source(tmp_path / name), 8)
    monkeypatch.setattr(where, limit, largest - 1)
    assert f"at most {largest - 1}" in refuse(tmp_path / name)


def test_an_archive_that_unpacks_to_more_than_the_memory_is_not_unpacked(tmp_path, arrays):
    write(tmp_path / "a.npz", {k: v for k, v in arrays.items() if k != "train_images"})
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("train_images.npy", b"")
        archive.infolist()[-1].file_size = 2**50  # as the directory of the file then says
    message = refuse(tmp_path / "a.npz")
    assert message.startswith("its arrays would take 1,048,576.0 GiB; available: ")
    assert message.endswith("save images as HDF5 in small chunks")


@pytest.mark.parametrize(("n_at_once", "refused"), [(6, True), (1, False)])
def test_a_chunk_that_unpacks_to_more_than_the_memory_is_not_unpacked(
    tmp_path, arrays, monkeypatch, n_at_once, refused
):
    def create(file):
        file.create_dataset(
            "train_images",
            data=arrays["train_images"],
            chunks=(n_at_once, 8, 8, 3),
            compression="gzip",
        )

    rewrite(tmp_path / "a.h5", arrays, "train_images", create)
    monkeypatch.setattr(array_files, "free_memory", lambda: 1000)
    if refused:
        message = refuse(tmp_path / "a.h5")
        assert message.startswith("a chunk of train_images would take 0.0 GiB; available: 0.0 GiB")
    else:
        open_arrays(source(tmp_path / "a.h5"), 8)


def test_an_array_that_is_in_an_archive_twice_is_named(tmp_path, arrays):
    write(tmp_path / "a.npz", arrays)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("train_labels", archive.read("train_labels.npy"))
    assert refuse(tmp_path / "a.npz") == "holds train_labels 2 times; leave one of them"


@pytest.mark.parametrize("member", ["train_images.npy", "x\0train_images.npy", "class_names"])
def test_what_is_no_array_in_an_archive_is_named(tmp_path, arrays, member):
    left = {name: array for name, array in arrays.items() if f"{name}.npy" not in member}
    write(tmp_path / "a.npz", left)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr(member, b"no array")
    refuse(tmp_path / "a.npz")


@pytest.mark.parametrize("character", ["\0", "\r", "\ud800"])
def test_a_class_name_that_cannot_be_shown_is_named(tmp_path, arrays, character):
    arrays["class_names"] = np.array(["ape", f"b{character}e", "cat"])
    write(tmp_path / "a.npz", arrays)
    shown = repr(str(arrays["class_names"][1]))
    assert refuse(tmp_path / "a.npz").startswith(f"name of class 1, {shown}, has {character!a}; ")


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_large_images_are_read_few_at_a_time(tmp_path, arrays, monkeypatch, name):
    write(tmp_path / name, arrays)
    whole = open_arrays(source(tmp_path / name), 4).train.read(np.arange(6))
    asked = []
    monkeypatch.setattr(array_files, "BATCH_BYTES", 2 * 8 * 8 * 3)
    resize = array_files.resize_images
    monkeypatch.setattr(
        array_files,
        "resize_images",
        lambda images, *how: asked.append(len(images)) or resize(images, *how),
    )
    assert (open_arrays(source(tmp_path / name), 4).train.read(np.arange(6)) == whole).all()
    assert asked == [2, 2, 2]


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
