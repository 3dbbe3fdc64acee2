import numpy as np
from PIL import Image

from imbalens.data.listed import find_absent, open_files


def test_images_come_in_the_order_asked_for(tmp_path):
    files = []
    for i in range(20):
        files.append(f"{i % 3}/{i}.png")
        (tmp_path / files[-1]).parent.mkdir(exist_ok=True)
        Image.new("RGB", (12, 8), (i, 0, 0)).save(tmp_path / files[-1])
    split = open_files(tmp_path, files, files, np.zeros(20, np.int64), 8, resize="squash")
    images = split.read(np.array([7, 19, 0, 7]))
    assert images.shape == (4, 8, 8, 3)
    assert images[:, 0, 0, 0].tolist() == [7, 19, 0, 7]


def test_absent_files_are_found_by_position(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").touch()
    (tmp_path / "2.png").touch()
    assert find_absent(tmp_path, ["a/1.png", "a/2.png", "b/1.png", "2.png"]) == [1, 2]
