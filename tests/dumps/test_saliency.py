from dataclasses import dataclass, replace

import h5py
import numpy as np
import pytest
import torch
from captum.attr import Saliency

from imbalens.dumps.files import read_saliency_ranks
from imbalens.dumps.saliency import dump_saliency
from imbalens.dumps.trained import Trained
from imbalens.errors import InputError
from imbalens.training.batches import ImageTensors
from tests.dumps.cases import LDAM_SCALE, TAU, break_maps, random_network

N_PIXELS = 64


@pytest.fixture
def dump(load, tmp_path):
    def dump(loss: str, *, score="predicted", batch_size: int = 16):
        path = tmp_path / "run.h5"
        dump_saliency(
            load(loss, ["train", "test"]), path, run="run", score=score, batch_size=batch_size
        )
        return path

    return dump


@pytest.fixture
def captum_saliency(image_batches, data):
    """Compute the saliency of one split's first images plainly, each on its own."""

    def compute(loss: str, split: str, score: str, n: int) -> np.ndarray:
        model = random_network(loss).eval()
        with h5py.File(data) as file:
            counts, labels = file.attrs["counts"], file[f"{split}/labels"][:].tolist()
        scale = LDAM_SCALE if loss == "ldam" else 1.0
        tau = TAU if loss == "post_hoc" else 0.0
        offset = torch.from_numpy(-tau * np.log(counts / counts.sum()))

        def scores(images):
            return model(images) * scale + offset

        maps = []
        for image, label in list(zip(image_batches(split), labels, strict=True))[:n]:
            target = int(scores(image).argmax()) if score == "predicted" else label
            found = Saliency(scores).attribute(image.requires_grad_(), target=target, abs=True)
            maps.append(found[0].amax(0).numpy())
        return np.stack(maps)

    return compute


def assert_ordered(ranks: np.ndarray, saliency: np.ndarray) -> None:
    """Each image's ranks order its saliency, where values differ by more than rounding."""
    for rank, values in zip(ranks.reshape(len(ranks), -1), saliency, strict=True):
        assert sorted(rank.tolist()) == list(range(rank.size))
        by_rank = values.ravel()[rank.argsort()]
        tolerance = 1e-4 * by_rank.max()
        assert tolerance > 0
        assert (np.diff(by_rank) <= tolerance).all()
        most = values.ravel() > np.sort(values, axis=None)[-rank.size // 10] + tolerance
        assert most.any()
        assert (rank[most] < np.ceil(rank.size / 10)).all(), "within the top tenth"


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_image_has_every_rank_once(dump, data, split):
    ranks = read_saliency_ranks(dump("ce"), split)
    with h5py.File(data) as file:
        assert ranks.shape == file[f"{split}/images"].shape[:3]
    for rank in ranks:
        assert sorted(rank.ravel().tolist()) == list(range(N_PIXELS))


@pytest.mark.parametrize("score", ["predicted", "true"])
@pytest.mark.parametrize("loss", ["ce", "ldam", "post_hoc"])
def test_ranks_order_the_saliency_of_the_scores(dump, captum_saliency, loss, score):
    path = dump(loss, score=score)
    for split in ("train", "test"):
        saliency = captum_saliency(loss, split, score, 8)
        assert_ordered(read_saliency_ranks(path, split)[:8], saliency)


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_the_batch_size_moves_near_ties_at_most(dump, captum_saliency, batch_size):
    ranks = read_saliency_ranks(dump("ldam", batch_size=batch_size), "test")
    assert_ordered(ranks, captum_saliency("ldam", "test", "predicted", len(ranks)))


def test_a_rerun_gives_the_same_bytes(dump):
    first = dump("ldam").read_bytes()
    assert dump("ldam").read_bytes() == first


@dataclass(frozen=True)
class Falling(Trained):
    """Its one score falls pixel by pixel in importance, whatever the size of the image."""

    def scores(self, images):
        importance = torch.arange(images[0, 0].numel(), 0, -1.0).reshape(images.shape[2:])
        return (images[:, 0] * importance).sum((1, 2))[:, None]


@pytest.fixture
def dump_blank(load, tmp_path):
    """Dump the saliency of one blank image of some height and width."""
    trained = load("ce", ["test"])

    def dump(height: int, width: int):
        images = ImageTensors(
            torch.zeros(1, height, width, 3, dtype=torch.uint8),
            torch.zeros(1, dtype=torch.int64),
            torch.zeros(3),
            torch.ones(3),
        )
        falling = Falling(**vars(replace(trained, images={"test": images})))
        path = tmp_path / "large" / "run.h5"
        dump_saliency(falling, path, run="run", score="true", batch_size=1)
        return path

    return dump


def test_the_largest_image_uses_all_16_bits(dump_blank):
    ranks = read_saliency_ranks(dump_blank(256, 256), "test")
    np.testing.assert_array_equal(ranks.ravel(), np.arange(2**16))


def test_ranks_of_a_larger_image_have_32_bits(dump_blank):
    assert read_saliency_ranks(dump_blank(256, 256), "test").dtype == np.uint16
    ranks = read_saliency_ranks(dump_blank(257, 256), "test")
    assert ranks.dtype == np.uint32
    np.testing.assert_array_equal(ranks.ravel(), np.arange(257 * 256))


def test_scores_that_are_not_finite_give_no_order(load, tmp_path):
    trained = load("ce", ["train"])
    break_maps(trained, "train", 20, value=np.nan)
    with pytest.raises(InputError, match="wild: scores of row 20 of train are not finite"):
        dump_saliency(trained, tmp_path / "a.h5", run="wild", score="predicted", batch_size=8)
    assert list(tmp_path.iterdir()) == []


class Vertical(torch.autograd.Function):
    """A network may have finite scores where it is too steep for numbers."""

    @staticmethod
    def forward(_, values):
        return values.clone()

    @staticmethod
    def backward(_, gradient):
        return gradient * torch.inf


def test_gradients_that_are_not_finite_give_no_order(load, tmp_path):
    trained = load("ce", ["train"])
    trained.model.conv1.register_forward_hook(lambda *given: Vertical.apply(given[-1]))
    with pytest.raises(InputError, match="wild: gradients of row 0 of train are not finite"):
        dump_saliency(trained, tmp_path / "a.h5", run="wild", score="true", batch_size=8)
    assert list(tmp_path.iterdir()) == []
