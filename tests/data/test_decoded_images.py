import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from imbalens.data.decoded_images import DecodedImages
from imbalens.data.decoding import Decoding
from imbalens.errors import InputError

RNG = np.random.default_rng(0)
GREY = Decoding(8, channels=1)
read_one = Decoding.read  # which tests count the calls of


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "images" / f"{i}.png" for i in range(9)]
    paths[0].parent.mkdir()
    for path in paths:
        Image.fromarray(RNG.integers(0, 256, (24, 24), dtype=np.uint8)).save(path)
    return paths


def open_images(tmp_path, files, how=GREY):
    root = tmp_path / "images"
    return DecodedImages(tmp_path / "work", root, [file.name for file in files], how)


def decode_all(files):
    return np.stack([read_one(GREY, file) for file in files])


def stored(tmp_path):
    """Return how many records there are, and the images."""
    folder = next((tmp_path / "work").iterdir())
    pixels = np.frombuffer((folder / "pixels").read_bytes(), dtype=np.uint8)
    return len((folder / "records").read_bytes()) / 20, pixels.reshape(-1, 8, 8, 1)


def save(path, pixels):
    Image.fromarray(pixels).save(path)


def test_images_come_in_the_order_asked_for(tmp_path, files):
    images = open_images(tmp_path, files).read(np.array([4, 0, 7]))
    assert images.shape == (3, 8, 8, 1)
    for image, position in zip(images, (4, 0, 7), strict=True):
        assert (image == GREY.read(files[position])).all()
    twice = open_images(tmp_path, files).read(np.array([2, 2, 0]))
    assert (twice[0] == twice[1]).all()
    assert (twice[2] == images[1]).all()
    assert open_images(tmp_path, files).read(np.array([], dtype=int)).shape == (0, 8, 8, 1)


@pytest.fixture
def decoded(monkeypatch):
    """Count decodings by file name, failing at the names added to `failing`."""
    counts = Counter()
    failing = set()

    def decode(how, path):
        if path.name in failing:
            raise KeyboardInterrupt
        counts[path.name] += 1
        return read_one(how, path)

    monkeypatch.setattr(Decoding, "read", decode)
    return counts, failing


def test_after_an_interruption_only_the_rest_is_decoded(tmp_path, files, decoded):
    counts, failing = decoded
    whole = decode_all(files)
    everything = np.arange(9)
    failing.add("6.png")
    first = open_images(tmp_path, files)
    assert (first.read(everything[:3]) == whole[:3]).all()
    with pytest.raises(KeyboardInterrupt):
        first.read(everything[3:])
    failing.clear()
    before = Counter(counts)
    second = open_images(tmp_path, files)
    assert (second.read(everything) == whole).all()
    again = counts - before
    assert again["6.png"] == 1
    assert not {f"{i}.png" for i in range(6)} & set(again)
    assert (second.read(everything[::-1]) == whole[::-1]).all()
    assert counts - before == again


def test_an_image_that_cannot_be_decoded_keeps_those_before_it(tmp_path, files):
    files[5].write_bytes(files[5].read_bytes()[:100])
    images = open_images(tmp_path, files)
    with pytest.raises(InputError, match=r"5\.png: cannot be decoded"):
        images.read(np.arange(9))
    n, pixels = stored(tmp_path)
    assert n == 5
    assert (pixels == decode_all(files[:5])).all()


def test_of_files_where_one_was_replaced_only_that_is_decoded(tmp_path, files, decoded):
    counts, _ = decoded
    whole = files[8].read_bytes()
    files[8].write_bytes(whole[:100])
    with pytest.raises(InputError, match=r"8\.png: cannot be decoded"):
        open_images(tmp_path, files).read(np.arange(9))
    counts.clear()
    files[8].write_bytes(whole)
    assert (open_images(tmp_path, files).read(np.arange(9)) == decode_all(files)).all()
    assert counts == {"8.png": 1}
    save(files[2], np.full((24, 24), 77, dtype=np.uint8))
    assert (open_images(tmp_path, files).read(np.arange(9)) == decode_all(files)).all()
    assert counts == {"8.png": 1, "2.png": 1}
    assert len(list((tmp_path / "work").iterdir())) == 1


def test_of_files_where_one_was_removed_none_is_decoded(tmp_path, files, decoded):
    counts, _ = decoded
    images = open_images(tmp_path, files)
    images.read(np.arange(9))
    counts.clear()
    files[4].unlink()
    rest = [*files[:4], *files[5:]]
    assert (open_images(tmp_path, rest).read(np.arange(8)) == decode_all(rest)).all()
    assert not counts
    with pytest.raises(InputError, match=r"4\.png: cannot be read .*; make it readable, or run"):
        images.read(np.arange(9))


@pytest.mark.parametrize(
    ("name", "length", "n_again"),
    [
        ("pixels", 3 * 64 + 10, 6),
        ("pixels", 0, 9),
        ("pixels", None, 9),
        ("pixels", 9 * 64 + 10, 0),
        ("pixels", "zeros", 9),
        ("pixels", "a bit", 1),
        ("records", 5 * 20 + 1, 4),
        ("records", 0, 9),
        ("records", None, 9),
        ("records", "zeros", 9),
    ],
)
def test_files_cut_off_or_lost_are_recovered_from(tmp_path, files, decoded, name, length, n_again):
    counts, _ = decoded
    open_images(tmp_path, files).read(np.arange(9))
    counts.clear()
    path = next((tmp_path / "work").iterdir()) / name
    if length is None:
        path.unlink()
    elif length == "zeros":
        path.write_bytes(bytes(path.stat().st_size))  # as after a crash of the machine
    elif length == "a bit":
        first, *others = path.read_bytes()
        path.write_bytes(bytes([first ^ 1, *others]))
    else:
        path.write_bytes(path.read_bytes()[:length].ljust(length, b"x"))
    backwards = np.arange(9)[::-1]
    for _ in range(2):
        assert (open_images(tmp_path, files).read(backwards) == decode_all(files)[::-1]).all()
        assert counts.total() == n_again
    n, pixels = stored(tmp_path)
    assert n == len(pixels)


def test_two_readers_at_once_do_not_mix_images_up(tmp_path, files):
    whole = decode_all(files)
    for order in (np.arange(9)[::-1], RNG.permutation(9)):
        with ThreadPoolExecutor(2) as pool:
            results = [
                pool.submit(open_images(tmp_path, files).read, positions)
                for positions in (np.arange(9), order)
            ]
            assert (results[0].result() == whole).all()
            assert (results[1].result() == whole[order]).all()
        assert (open_images(tmp_path, files).read(np.arange(9)) == whole).all()
        assert stored(tmp_path)[0] == 9
        open_images(tmp_path, files).finish()


def test_a_folder_that_another_process_removed_and_began_anew_is_not_taken_for_ours(
    tmp_path, files
):
    whole = decode_all(files)
    ours, theirs = (open_images(tmp_path, files) for _ in range(2))
    ours.read(np.arange(6))
    theirs.finish()
    theirs.read(np.arange(9)[::-1])
    assert (ours.read(np.arange(9)) == whole).all()
    theirs.finish()
    theirs.read(np.arange(4))
    assert (ours.read(np.arange(3, 9)) == whole[3:]).all()


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from imbalens.data import decoded_images
from imbalens.data.decoding import Decoding

class Pool:
    def __init__(self, n): pass
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def map(self, function, positions):
        for position in positions:
            if position == 6:
                os.kill(os.getpid(), signal.SIGKILL)
            yield function(position)

decoded_images.ThreadPoolExecutor = Pool
root = Path(sys.argv[1])
files = sorted(file.name for file in (root / "images").iterdir())
how = Decoding(8, channels=1)
images = decoded_images.DecodedImages(root / "work", root / "images", files, how)
images.read(np.arange(4))
images.read(np.arange(9))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL, as Unix has it")
def test_a_killed_process_leaves_no_image_marked_that_is_not_there(tmp_path, files):
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == -signal.SIGKILL
    n, pixels = stored(tmp_path)
    assert 4 <= n <= 6
    whole = decode_all(files)
    assert (pixels[: int(n)] == whole[: int(n)]).all()
    assert (open_images(tmp_path, files).read(np.arange(9)) == whole).all()


def test_another_form_or_root_has_a_folder_of_its_own(tmp_path, files):
    everything = np.arange(9)
    open_images(tmp_path, files).read(everything)
    assert open_images(tmp_path, files, Decoding(4)).read(everything).shape == (9, 4, 4, 3)
    there = [f"images/{file.name}" for file in files]
    DecodedImages(tmp_path / "work", tmp_path, there, GREY).read(everything)
    assert len(list((tmp_path / "work").glob("images-*"))) == 3


def test_nothing_is_written_before_reading_nor_left_after_finishing(tmp_path, files):
    images = open_images(tmp_path, files)
    images.finish()
    assert not (tmp_path / "work").exists()
    images.read(np.arange(2))
    assert len(list((tmp_path / "work").iterdir())) == 1
    images.finish()
    assert not list((tmp_path / "work").iterdir())


def test_a_work_folder_that_cannot_be_written_is_named(tmp_path, files):
    (tmp_path / "work").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"work/images-\w+"):
        open_images(tmp_path, files).read(np.arange(2))
