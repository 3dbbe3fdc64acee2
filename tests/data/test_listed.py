import numpy as np
from PIL import Image

from imbalens.data.listed import find_absent, open_parts


def test_images_come_in_the_order_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = []
    for i in range(20):
        files.append(f"{i % 3}/{i}.png")
        (tmp_path / files[-1]).parent.mkdir(exist_ok=True)
        Image.new("RGB", (12, 8), (i, 0, 0)).save(tmp_path / files[-1])
    parts = {
        "train": (files[:12], np.zeros(12, np.int64)),
        "val": (files[12:15], np.zeros(3, np.int64)),
        "test": (files[15:], np.zeros(5, np.int64)),
    }
    source = open_parts(tmp_path, ["one"], parts, 8, resize="squash", bits=None)
    images = source.train.read(np.array([7, 11, 0, 7]))
    assert images.shape == (4, 8, 8, 3)
    assert images[:, 0, 0, 0].tolist() == [7, 11, 0, 7]
    assert source.validation.read(np.array([2]))[:, 0, 0, 0].tolist() == [14]
    assert source.test.read(np.array([4, 0]))[:, 0, 0, 0].tolist() == [19, 15]


def test_absent_files_are_found_by_position(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").touch()
    (tmp_path / "2.png").touch()
    assert find_absent(tmp_path, ["a/1.png", "a/2.png", "b/1.png", "2.png"]) == [1, 2]
