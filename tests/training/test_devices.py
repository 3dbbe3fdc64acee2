from contextlib import nullcontext

import pytest
import torch

from imbalens.errors import InputError
from imbalens.training.devices import choose_device, precision_context


@pytest.fixture
def only(monkeypatch):
    """Make exactly these devices available beside the CPU."""

    def only(*names: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)

    return only


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="of machines without MPS")
def test_auto_takes_what_this_machine_has():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto") == torch.device(expected)


@pytest.mark.parametrize(
    ("available", "expected"),
    [((), "cpu"), (("cuda",), "cuda"), (("mps",), "mps"), (("cuda", "mps"), "cuda")],
)
def test_auto_takes_the_fastest(only, available, expected):
    only(*available)
    assert choose_device("auto").type == expected


def test_a_name_takes_that_device(only):
    only("cuda", "mps")
    assert [choose_device(name).type for name in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(only, name):
    only()
    with pytest.raises(
        InputError, match=rf"device: '{name}' is not available here; use 'auto' or 'cpu'"
    ):
        choose_device(name)


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_on_the_cpu_all_stays_float32(monkeypatch, precision):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    left, right = torch.rand(4, 3), torch.rand(3, 2)
    expected = left @ right
    context = precision_context(torch.device("cpu"), precision)
    assert not isinstance(context, torch.autocast)
    with context:
        assert not torch.is_autocast_enabled("cpu")
        found = left @ right
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("precision", "supported", "expected"),
    [("auto", True, ("cuda", torch.bfloat16)), ("auto", False, None), ("float32", True, None)],
)
def test_bfloat16_is_for_gpus_that_have_it_where_precision_is_auto(
    monkeypatch, precision, supported, expected
):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: nullcontext((kind, dtype)))
    with precision_context(torch.device("cuda"), precision) as found:
        assert found == expected


def test_on_cuda_results_repeat_and_float32_is_not_tf32(only, monkeypatch):
    only("cuda")
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    choose_device("cpu")
    assert torch.backends.cudnn.allow_tf32
    choose_device("auto")
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
