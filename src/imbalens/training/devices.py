"""Where and with which precision networks run."""

from contextlib import AbstractContextManager, nullcontext

import torch

from imbalens.errors import InputError


def choose_device(name: str) -> torch.device:
    """Return the device of this name; `auto` takes CUDA, then MPS, then the CPU.

    On CUDA, convolutions are then computed by algorithms whose results repeat, and those in
    float32 without TF32, whose numbers have 11 bits where float32's have 24.

    Raises:
        InputError: if that device is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available[name]:
        raise InputError(f"device: {name!r} is not available here; use 'auto' or 'cpu'")
    if name == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)


def precision_context(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return bfloat16 autocast on GPUs that have it (precision `auto`), else plain float32.

    bfloat16 needs no loss scaling; on CPUs without bfloat16 units it is many times slower.
    """
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()
