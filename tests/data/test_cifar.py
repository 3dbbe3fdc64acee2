import pickle

import numpy as np
import pytest
from torchvision import datasets

from imbalens.data.cifar import open_cifar
from imbalens.errors import InputError
from imbalens.params.sources import Cifar

KINDS = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}


def place(root, monkeypatch, name, *, labels=None, n_classes=10):
    """Lay out tiny batches as the source does, and let torchvision take them for the real ones."""
    kind = KINDS[name]
    monkeypatch.setattr(kind, "_check_integrity", lambda _: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    key = "labels" if name == "cifar10" else "fine_labels"
    images = {}
    for number, (file, _) in enumerate([*kind.train_list, *kind.test_list]):
        data = np.random.default_rng(number).integers(0, 256, (4, 3072), dtype=np.uint8)
        images[file] = data.reshape(4, 3, 32, 32).transpose(0, 2, 3, 1)
        batch = {"data": data, key: labels or [number, 1, 2, 0], "filenames": ["x.png"] * 4}
        (folder / file).write_bytes(pickle.dumps(batch))
    names = {kind.meta["key"]: [f"name{label}" for label in range(n_classes)]}
    (folder / kind.meta["filename"]).write_bytes(pickle.dumps(names))
    return images


@pytest.mark.parametrize("name", KINDS)
def test_images_come_in_the_order_of_the_batches(tmp_path, monkeypatch, name):
    images = place(tmp_path, monkeypatch, name)
    monkeypatch.setenv("CIFAR_ROOT", str(tmp_path))
    source = open_cifar(Cifar(name=name, root="$CIFAR_ROOT", download=False), 32)
    train = [file for file, _ in KINDS[name].train_list]
    assert source.class_names[3] == "name3"
    assert source.train.labels[:4].tolist() == [0, 1, 2, 0]
    assert len(source.train.labels) == 4 * len(train)
    assert len(source.test.labels) == 4
    chosen = source.train.read(np.array([len(train) * 4 - 1, 0]))
    assert (chosen == np.stack([images[train[-1]][3], images[train[0]][0]])).all()


def test_images_are_resized(tmp_path, monkeypatch):
    place(tmp_path, monkeypatch, "cifar10")
    source = open_cifar(Cifar(name="cifar10", root=str(tmp_path), download=False), 16)
    assert source.test.read(np.array([0, 2])).shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    ("name", "archive", "folder"),
    [
        ("cifar10", "cifar-10-python.tar.gz", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python.tar.gz", "cifar-100-python"),
    ],
)
def test_absent_files_are_named_with_their_place(tmp_path, name, archive, folder):
    with pytest.raises(InputError) as caught:
        open_cifar(Cifar(name=name, root=str(tmp_path / "none"), download=False), 32)
    for part in (archive, folder, f"into {tmp_path / 'none'}", "download: true", "is absent"):
        assert part in str(caught.value)


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("download", [False, True])
def test_no_pickle_is_read_that_is_not_the_published_one(tmp_path, monkeypatch, name, download):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", offline)
    kind = KINDS[name]
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    for file in [*(file for file, _ in kind.train_list + kind.test_list), kind.meta["filename"]]:
        (folder / file).write_bytes(pickle.dumps(Evil(tmp_path / "left")))
    (tmp_path / kind.filename).write_bytes(b"no archive")
    with pytest.raises(InputError, match=f"{kind.__name__} (is absent or damaged|cannot be down)"):
        open_cifar(Cifar(name=name, root=str(tmp_path), download=download), 32)
    assert not (tmp_path / "left").exists()
    pickle.loads((folder / kind.meta["filename"]).read_bytes()).close()
    assert (tmp_path / "left").exists()  # so it would have been seen


def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", offline)
    with pytest.raises(InputError, match=r"cannot be downloaded or read \(no route to host\)"):
        open_cifar(Cifar(name="cifar10", root=str(tmp_path), download=True), 32)
