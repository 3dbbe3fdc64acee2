"""Computing in batches that fit into memory."""

import gc
import re
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from tqdm import tqdm

from imbalens.errors import InputError
from imbalens.memory import GIB, free_memory

Computed = TypeVar("Computed")

# Share of free memory that a batch may take by its estimate. Operations take more inside than the
# tensors they make: batches of ResNet-18, ResNet-50, DenseNet-121 and ViT-B/16 took 1.0 to 1.2
# times their estimate with a backward pass, 1.0 to 2.0 times without.
SHARE = 0.5
# Words of allocators that raise a plain RuntimeError: of the CPU on Linux and macOS, on Windows,
# of C++, oneDNN (also for its kernels), MPS and CUDA, cuDNN and cuBLAS.
OUT_OF_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|bad_alloc|could not create a memory|"
    r"could not (create|execute) a primitive$|out of memory|alloc_failed",
    re.IGNORECASE,
)
SHOWN = 240  # characters of an allocator's message


def in_batches(
    compute: Callable[[slice], Computed],
    n: int,
    *,
    batch_size: int,
    multiple: int = 1,
    device: torch.device,
    what: str,
    bar: bool = True,
) -> Iterator[tuple[slice, Computed]]:
    """Compute something of images, batch by batch, in smaller ones where those asked do not fit.

    On the CPU, of which the system may end a process without a word, one image is computed first
    to estimate what a batch takes. Everywhere, what runs out of memory is computed again in
    batches half as large. A line on stderr then says so. Where the batches asked for fit, they
    are used.

    Args:
        compute: What is computed of the images in a slice of consecutive rows. What it returns
            should not lie on `device`, unless that is the CPU.
        n: Images there are.
        batch_size: Images of a batch, at most.
        multiple: Batches are a multiple of so many images, unless these are too many.
        device: Where it is computed.
        what: What is computed of which images, for messages and the progress bar.
        bar: Whether to show a progress bar.

    Yields:
        The rows of a batch, and what was computed of them; all rows once, in order.

    Raises:
        InputError: if there is too little memory for one image.
    """
    size = told = max(multiple, batch_size // multiple * multiple)
    if device.type == "cpu" and min(size, n) > 1:
        each = _require_room(_attempt(lambda rows: bytes_taken(compute, rows), slice(0, 1)), what)
        free = free_memory()
        while size > 1 and each * min(size, n) > SHARE * free:
            size = _halved(size, multiple)
        if size < told:
            wanted = each * min(told, n) / GIB
            _tell(what, size, told, f"{wanted:.2f} GiB would be taken, {free / GIB:.2f} is free")
            told = size
    start = 0
    with tqdm(total=n, desc=what, unit="img", disable=None if bar else True) as progress:
        while start < n:
            rows = slice(start, min(start + size, n))
            n_rows = rows.stop - rows.start
            computed = _attempt(compute, rows)
            if isinstance(computed, OutOfMemory) and n_rows > 1:
                size = _halved(n_rows, multiple)
                continue
            yield rows, _require_room(computed, what)
            if size < told:
                _tell(what, size, told, "out of memory")
                told = size
            start = rows.stop
            progress.update(n_rows)


def bytes_taken(compute: Callable[[slice], object], rows: slice) -> int:
    """Return the most bytes of tensors that a computation on the CPU holds at a time.

    Args:
        compute: What is computed of some rows; it is called.
        rows: The rows.
    """
    with _Counting() as counting:
        compute(rows)
    return counting.most


def foretell_out_of_memory(
    compute: Callable[[slice], object], *, batch_size: int, device: torch.device, what: str
) -> None:
    """Say on stderr where a batch may not fit into memory, on the CPU: elsewhere an error will.

    Args:
        compute: What is computed of the images in a slice of rows; it is called with few.
        batch_size: Images of a batch, which stays.
        device: Where it is computed.
        what: What it is and where its size is set, for the message.
    """
    if device.type == "cpu":
        # what does not grow with the batch, as gradients of weights, is in both
        each = bytes_taken(compute, slice(0, 2)) - bytes_taken(compute, slice(0, 1))
        wanted, free = each * batch_size, free_memory()
        if wanted > free:
            tqdm.write(
                f"{what}: batches of {batch_size} images take {wanted / GIB:.2f} GiB or more, "
                f"{free / GIB:.2f} is free: the system may end it without a word",
                file=sys.stderr,
            )


@contextmanager
def explained_out_of_memory(message: str) -> Iterator[None]:
    """Turn whatever an allocator raises into an error of the user's.

    Args:
        message: What found too little memory, and what to do.

    Raises:
        InputError: in place of what the block raised.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(f"{message} ({str(error)[:SHOWN]!r})") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception is an allocator's that found too little memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and bool(OUT_OF_MEMORY.search(str(error)))


@dataclass(frozen=True)
class OutOfMemory:
    """That a computation found too little memory, in the allocator's words."""

    words: str


def _attempt(compute: Callable[[slice], Computed], rows: slice) -> Computed | OutOfMemory:
    """Compute, and free what was held where memory runs out."""
    try:
        return compute(rows)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        words = str(error)
    # only now that the exception is gone, and with it the frames that held tensors
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    return OutOfMemory(words)


def _require_room(computed: Computed | OutOfMemory, what: str) -> Computed:
    if isinstance(computed, OutOfMemory):
        raise InputError(
            f"{what}: a single image takes more memory than there is "
            f"({computed.words[:SHOWN]!r}; {free_memory() / GIB:.2f} GiB of the machine's is "
            "free); set a smaller datasets.*.image_size or network, or take a machine with more "
            "memory"
        )
    return computed


def _halved(size: int, multiple: int) -> int:
    half = size // 2
    return half // multiple * multiple or half


def _tell(what: str, size: int, instead_of: int, reason: str) -> None:
    images = "images" if size > 1 else "image"
    tqdm.write(
        f"{what}: batches of {size} {images} instead of {instead_of}: {reason}", file=sys.stderr
    )


class _Counting(TorchDispatchMode):
    """Counts the bytes of all tensors that operations make, as long as these live."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        self._note((args, kwargs), counted=False)  # weights, and what was there before
        made = func(*args, **(kwargs or {}))
        self._note(made, counted=True)
        return made

    def _note(self, tensors: object, *, counted: bool) -> None:
        for tensor in tree_leaves(tensors):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()  # views share it
                if storage._cdata not in self._known:
                    n_bytes = storage.nbytes() if counted else 0
                    self._known[storage._cdata] = n_bytes
                    self._now += n_bytes
                    self.most = max(self.most, self._now)
                    weakref.finalize(storage, self._forget, storage._cdata)

    def _forget(self, identity: int) -> None:
        self._now -= self._known.pop(identity)
