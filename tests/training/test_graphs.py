"""Recording of CUDA graphs, without a device: what is recorded, and that nothing else changes."""

import pytest
import torch

from imbalens.models.build import build_model
from imbalens.params.runs import Ce, CifarResnet
from imbalens.training import graphs
from imbalens.training.batches import ImageTensors
from imbalens.training.graphs import training_forward


class OnDevice:
    """Images that say they lie on a CUDA device, and lie on the CPU."""

    def __init__(self, images: torch.Tensor) -> None:
        self.tensor = images
        self.device = torch.device("cuda")
        self.shape = images.shape

    def __getitem__(self, rows: slice) -> torch.Tensor:
        return self.tensor[rows]


def make_split(n: int = 6, device: str = "cuda") -> ImageTensors:
    images = torch.randint(
        256, (n, 8, 8, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    split = ImageTensors(images, torch.arange(n) % 2, torch.full((3,), 0.5), torch.ones(3))
    if device == "cuda":
        object.__setattr__(split, "images", OnDevice(images))
    return split


def make_model():
    torch.manual_seed(0)
    return build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 2)


@pytest.fixture
def recordings(monkeypatch):
    """Take the place of torch's recording: warms up as it does, and replaces `forward`."""
    recorded = []

    def record(model, sample, allow_unused_input):
        assert allow_unused_input
        assert model.training
        assert not torch.is_autocast_cache_enabled()
        model(*sample)
        recorded.append(sample[0])
        model.forward = lambda batch: ("replayed", batch)

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    return recorded


def test_on_the_cpu_nothing_is_recorded(recordings):
    model = make_model()
    split = make_split(device="cpu")
    assert training_forward(model, split, batch_size=4, precision="auto") is model
    assert not recordings


@pytest.mark.parametrize(("batch_size", "most"), [(7, 2**20), (4, 4 * 64 - 1)])
def test_batches_that_never_come_or_are_large_are_not_recorded(
    recordings, monkeypatch, batch_size, most
):
    monkeypatch.setattr(graphs, "MAX_PIXELS", most)
    model = make_model()
    assert training_forward(model, make_split(), batch_size=batch_size, precision="auto") is model
    assert not recordings


def test_full_batches_are_replayed_and_others_are_not(recordings):
    model, split = make_model(), make_split()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    forward = training_forward(model, split, batch_size=4, precision="float32")
    assert [tuple(sample.shape) for sample in recordings] == [(4, 3, 8, 8)]
    images = split.normalized(split.images[:4])
    assert torch.equal(recordings[0], images)
    assert recordings[0].is_contiguous(memory_format=torch.channels_last)
    assert forward(images) == ("replayed", images)
    assert forward(images[:2]).shape == (2, 2)
    # the network itself stays as it was, its running statistics too
    model.load_state_dict(before)
    again = make_model()
    training_forward(again, split, batch_size=4, precision="float32")
    for name, value in again.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert "forward" not in vars(again)
    assert torch.is_autocast_cache_enabled()


def test_where_recording_fails_training_goes_on_without(monkeypatch, capsys):
    def fail(model, sample, allow_unused_input):
        assert allow_unused_input
        model(*sample)
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", fail)
    model = make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert training_forward(model, make_split(), batch_size=4, precision="float32") is model
    assert "without CUDA graphs: 'operation not permitted" in capsys.readouterr().out
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert torch.is_autocast_cache_enabled()
