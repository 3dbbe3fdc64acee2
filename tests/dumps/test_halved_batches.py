"""Dumps of a network that only some images fit into are those of whole batches."""

import h5py
import numpy as np
import pytest
import torch

from imbalens.dumps.features import dump_features
from imbalens.dumps.files import read_saliency_ranks
from imbalens.dumps.maps import dump_maps
from imbalens.dumps.saliency import dump_saliency
from imbalens.errors import InputError
from imbalens.store.prepared import read_boxes
from tests.dumps.cases import random_network

SPLIT = "train"


@pytest.fixture
def narrow(load):
    """Load a network that runs out of memory above a number of images."""

    def load_narrow(most: int):
        trained = load("ce", [SPLIT, "test"])
        whole = trained.model.forward_maps

        def forward_maps(images):
            if len(images) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return whole(images)

        trained.model.forward_maps = forward_maps
        return trained

    return load_narrow


@pytest.fixture
def boxes(data):
    return read_boxes(data, SPLIT)


def write_features(trained, path, _boxes):
    dump_features(trained, path, run="run", loss="ce", batch_size=24)


def write_saliency(trained, path, _boxes):
    dump_saliency(trained, path, run="run", score="predicted", batch_size=24)


def write_maps(trained, path, boxes):
    options = {"run": "run", "split": SPLIT, "layer": "layer2", "batch_size": 32}
    dump_maps(trained, random_network("ce"), boxes, path, **options)


def assert_close(found: h5py.Dataset, wanted: h5py.Dataset) -> None:
    assert (found.shape, found.chunks) == (wanted.shape, wanted.chunks)
    if found.dtype == np.float32:
        np.testing.assert_allclose(found[:], wanted[:], rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(found[:], wanted[:])


@pytest.mark.parametrize("most", [1, 7, 23])
@pytest.mark.parametrize(
    ("write", "what", "whole"), [(write_features, "features", 24), (write_maps, "maps", 32)]
)
def test_halves_give_the_same_dump_and_say_so(
    narrow, boxes, tmp_path, capsys, write, what, whole, most
):
    write(narrow(1000), tmp_path / "whole.h5", boxes)
    assert capsys.readouterr().err == ""
    write(narrow(most), tmp_path / "halved.h5", boxes)
    sizes = {24: {1: 1, 7: 6, 23: 12}, 32: {1: 1, 7: 4, 23: 16}}[whole]
    images = "image" if most == 1 else "images"
    said = f"batches of {sizes[most]} {images} instead of {whole}: out of memory"
    assert f"run {SPLIT} {what}: {said}" in capsys.readouterr().err.splitlines()
    with h5py.File(tmp_path / "whole.h5") as wanted, h5py.File(tmp_path / "halved.h5") as found:
        names, of_found = [], []
        wanted.visit(names.append)
        found.visit(of_found.append)
        assert of_found == names
        for name in names:
            if isinstance(wanted[name], h5py.Dataset):
                assert_close(found[name], wanted[name])


@pytest.mark.parametrize("most", [1, 5])
def test_halves_give_the_same_ranks_but_for_near_ties(narrow, boxes, tmp_path, capsys, most):
    write_saliency(narrow(1000), tmp_path / "whole.h5", boxes)
    write_saliency(narrow(most), tmp_path / "halved.h5", boxes)
    assert f"run {SPLIT} saliency: batches of " in capsys.readouterr().err
    for split in (SPLIT, "test"):
        wanted = read_saliency_ranks(tmp_path / "whole.h5", split).astype(int)
        found = read_saliency_ranks(tmp_path / "halved.h5", split)
        assert (found == wanted).mean() > 0.98
        assert abs(found - wanted).max() <= 2


@pytest.mark.parametrize("write", [write_features, write_saliency, write_maps])
def test_a_network_that_not_one_image_fits_into_leaves_nothing(narrow, boxes, tmp_path, write):
    with pytest.raises(InputError, match=rf"^run {SPLIT} .*: a single image takes more memory"):
        write(narrow(0), tmp_path / "run.h5", boxes)
    assert list(tmp_path.iterdir()) == []
