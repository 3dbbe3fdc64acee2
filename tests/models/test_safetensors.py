"""Weights in the format of the package safetensors, which is an extra."""

import sys

import pytest
import torch

from imbalens.errors import InputError
from imbalens.models.checkpoint import load_checkpoint, load_weights
from tests.models.test_checkpoint import network


def save(state, path):
    pytest.importorskip("safetensors", reason="the extra safetensors is not installed")
    from safetensors.torch import save_file

    save_file(state, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_they_load_as_those_of_torch_do(tmp_path, prefix, dtype):
    source, target = network(1), network(2)
    state = {
        prefix + name: each.to(dtype) if each.is_floating_point() else each
        for name, each in source.state_dict().items()
    }
    path = save(state, tmp_path / "a.safetensors")
    load_weights(target, load_checkpoint(path), path=path)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, state[prefix + name].to(tensor.dtype)), name


def test_what_is_not_finite_is_refused(tmp_path):
    state = network().state_dict()
    state["linear.bias"] = torch.full((4,), torch.nan)
    path = save(state, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"linear\.bias has 4 of 4 values that are not finite"):
        load_weights(network(1), load_checkpoint(path), path=path)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_cut_file_is_damaged(tmp_path, share):
    path = save(network().state_dict(), tmp_path / "a.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"is no safetensors file, or is damaged \("):
        load_checkpoint(path)


def test_a_file_of_torch_under_that_name_is_refused(tmp_path):
    pytest.importorskip("safetensors", reason="the extra safetensors is not installed")
    torch.save(network().state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"give a file of torch\.save another ending"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_an_empty_one_holds_no_weights(tmp_path):
    path = save({}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="holds no weights"):
        load_checkpoint(path)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    for name in ("safetensors", "safetensors.torch"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "a.safetensors").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "a.safetensors")
    assert "a.safetensors: safetensors" in str(caught.value)
    assert "run: pip install 'imbalens[safetensors]'" in str(caught.value)
