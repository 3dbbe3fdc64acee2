"""Batches that fit: which rows are computed, what is said, and what a computation takes."""

import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imbalens.errors import InputError
from imbalens.training import fitting
from imbalens.training.fitting import bytes_taken, explained_out_of_memory, in_batches

CPU = torch.device("cpu")
NOT_CPU = torch.device("cuda")  # only named
ALLOCATORS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("could not create a primitive"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory:"
        " you tried to allocate 822083584 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory"
    ),
]


class Room:
    """Computes the numbers of rows, of a number of rows at a time at most."""

    def __init__(self, most: int, error: Exception | None = None) -> None:
        self.most, self.error, self.sizes = most, error or MemoryError(), []

    def __call__(self, rows: slice) -> list[int]:
        self.sizes.append(rows.stop - rows.start)
        if self.sizes[-1] > self.most:
            raise self.error
        return list(range(rows.start, rows.stop))


def compute(room, n, batch_size, *, multiple=1, device=NOT_CPU):
    return list(
        in_batches(
            room, n, batch_size=batch_size, multiple=multiple, device=device, what="a train maps"
        )
    )


@given(
    n=st.integers(0, 70),
    batch_size=st.integers(1, 40),
    multiple=st.sampled_from([1, 4, 16]),
    most=st.integers(1, 40),
    device=st.sampled_from([CPU, NOT_CPU]),
)
def test_every_row_is_computed_once_in_order(n, batch_size, multiple, most, device):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting.gc, "collect", lambda: None)  # the time goes into it
        found = compute(Room(most), n, batch_size, multiple=multiple, device=device)
    assert [row for _, rows in found for row in rows] == list(range(n))
    sizes = [rows.stop - rows.start for rows, _ in found]
    assert all(size <= min(most, max(batch_size, multiple)) for size in sizes)
    assert all(size % multiple == 0 or size < multiple for size in sizes[:-1])


def test_what_does_not_fit_is_computed_again_in_halves(capsys):
    room = Room(most=30)
    compute(room, 100, 64)
    assert room.sizes == [64, 32, 16, 16, 16, 16, 16, 16, 4]
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "a train maps: batches of 16 images instead of 64: out of memory"
    ]
    assert said.out == ""


def test_whole_multiples_are_kept_as_long_as_they_fit():
    room = Room(most=20)
    compute(room, 48, 100, multiple=16)
    assert room.sizes == [48, 16, 16, 16]
    room = Room(most=7)
    compute(room, 48, 40, multiple=16)
    assert room.sizes[:4] == [32, 16, 8, 4]


def test_where_the_batch_asked_for_fits_it_is_used_and_nothing_is_said(capsys):
    room = Room(most=64)
    compute(room, 100, 64)
    assert room.sizes == [64, 36]
    compute(room, 100, 64, device=CPU)
    assert room.sizes[2:] == [1, 64, 36], "one image first, to estimate"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", ALLOCATORS, ids=str)
def test_every_allocator_is_understood(error):
    assert [rows for rows, _ in compute(Room(3, error), 4, 4)] == [slice(0, 2), slice(2, 4)]
    with (
        pytest.raises(InputError, match=r"^recipes.*: found 64; set a smaller one \("),
        explained_out_of_memory("recipes.quick.batch_size: found 64; set a smaller one"),
    ):
        raise error


@pytest.mark.parametrize(
    "error", [RuntimeError("could not create a primitive descriptor for it"), OSError("x")]
)
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error), match=str(error)):
        compute(Room(3, error), 4, 4)
    with pytest.raises(type(error), match=str(error)), explained_out_of_memory("a batch"):
        raise error


@pytest.mark.parametrize("device", [CPU, NOT_CPU])
def test_one_image_too_large_is_one_error(device):
    with pytest.raises(InputError) as caught:
        compute(Room(0, RuntimeError("out of memory " + "x" * 1000)), 5, 4, device=device)
    message = str(caught.value)
    assert message.startswith("a train maps: a single image takes more memory than there is ('out")
    assert "GiB of the machine's is free); set a smaller datasets.*.image_size" in message
    assert len(message) < 500
    assert caught.value.__cause__ is caught.value.__context__ is None, "they would hold tensors"


def test_what_a_failed_batch_held_is_freed_before_the_next():
    held = []

    def hold(rows):
        assert all(tensor() is None for tensor in held)
        tensor = torch.zeros(rows.stop - rows.start)
        held.append(weakref.ref(tensor))
        if len(tensor) > 2:
            cycle = [tensor]
            cycle.append(cycle)
            raise MemoryError
        return tensor.tolist()

    assert len(compute(hold, 8, 8)) == 4
    assert len(held) == 6


def test_batches_are_estimated_on_the_cpu_alone(monkeypatch, capsys):
    monkeypatch.setattr(fitting, "free_memory", lambda: 2**30)
    sizes = []

    def work(rows):
        sizes.append(rows.stop - rows.start)
        return len(torch.empty(sizes[-1], 2**25, dtype=torch.uint8))

    compute(work, 40, 256, device=CPU)
    assert sizes == [1, 16, 16, 8], "16 are half a GiB"
    assert capsys.readouterr().err == (
        "a train maps: batches of 16 images instead of 256: 1.25 GiB would be taken, 1.00 is "
        "free\n"
    )
    sizes.clear()
    compute(work, 16, 256, device=CPU)
    assert sizes == [1, 16]
    sizes.clear()
    compute(work, 40, 256)
    assert sizes == [40]
    sizes.clear()
    monkeypatch.setattr(fitting, "free_memory", lambda: 0)
    compute(work, 3, 256, device=CPU)
    assert sizes == [1, 1, 1, 1], "an estimate refuses nothing"
    assert capsys.readouterr().err.startswith("a train maps: batches of 1 image instead of 256: ")


def test_the_bytes_taken_are_those_of_tensors_that_live_at_a_time():
    weight = torch.ones(256, 256)  # there before

    def work(rows):
        first = torch.ones(rows.stop - rows.start, 256)  # 1 KiB per row
        second = first @ weight.T
        del first
        third = second[:, :64] + 1  # a quarter of one; the view is none
        return third.view(-1).add_(1)

    assert bytes_taken(work, slice(0, 1)) == 2 * 1024
    assert bytes_taken(work, slice(0, 7)) == 7 * 2 * 1024


def forward(network, images):
    with torch.inference_mode():
        network(images)


def backward(network, images):
    images = images.clone().requires_grad_()
    torch.autograd.grad(network(images).sum(), images)


def test_a_backward_pass_takes_what_all_layers_gave():
    taken, images = {}, torch.ones(2, 3, 8, 8)
    for depth in (4, 12):
        network = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(depth)))
        for work in (forward, backward):
            taken[work, depth] = bytes_taken(
                lambda rows, work=work, network=network: work(network, images[rows]), slice(0, 2)
            )
    layer = 2 * 3 * 8 * 8 * 4
    assert taken[forward, 12] == taken[forward, 4]
    assert taken[forward, 4] <= 3 * layer
    assert taken[backward, 12] - taken[backward, 4] == pytest.approx(8 * layer, rel=0.2)
    assert taken[backward, 4] >= 4 * layer


@given(
    work=st.sampled_from([forward, backward]),
    n=st.integers(1, 4),
    size=st.integers(4, 10),
    more=st.integers(1, 3),
)
def test_more_or_larger_images_take_more(work, n, size, more):
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.Conv2d(5, 2, 2))

    def taken(n, size):
        images = torch.ones(n, 3, size, size)
        return bytes_taken(lambda rows: work(network, images[rows] * 2), slice(0, n))

    assert taken(n, size) < taken(n + more, size)
    assert taken(n, size) < taken(n, size + more)
