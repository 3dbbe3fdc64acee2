"""Which of a file's names are a network's, whatever other programs put before them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.models.checkpoint import load_weights
from imbalens.models.prefixes import PREFIXES, unwrap
from tests.models.test_checkpoint import network

NAMES = ("conv1.weight", "bn1.bias", "linear.weight")
WRAPPED = st.lists(st.sampled_from(PREFIXES), max_size=3).map("".join)


def tensors(*names):
    return {name: torch.tensor([number]) for number, name in enumerate(names)}


def under(prefix, names=NAMES):
    return tensors(*(prefix + name for name in names))


def values(state):
    return {name: tensor.tolist() for name, tensor in state.items()}


@given(prefix=WRAPPED)
def test_any_prefix_of_all_names_is_taken_away(prefix, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "a.pt"
    assert values(unwrap(under(prefix), NAMES, path=path)) == values(tensors(*NAMES))


@given(prefix=WRAPPED, own=WRAPPED)
def test_names_of_ones_own_may_begin_alike(prefix, own, tmp_path_factory):
    """A network of one's own may keep its layers under `model`, and be wrapped besides."""
    path = tmp_path_factory.getbasetemp() / "a.pt"
    names = [own + name for name in NAMES]
    assert values(unwrap(under(prefix + own), names, path=path)) == values(tensors(*names))


@pytest.mark.parametrize("prefix", [*PREFIXES, "model.module._orig_mod.", "model.backbone."])
def test_a_network_is_filled_from_under_a_prefix(tmp_path, prefix):
    source, target = network(1), network(2)
    state = {prefix + name: tensor for name, tensor in source.state_dict().items()}
    load_weights(target, state, path=tmp_path / "a.ckpt")
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor), name


def test_what_lightning_keeps_beside_the_network_is_left_out_and_named(tmp_path, capsys):
    path = tmp_path / "a.ckpt"
    beside = ("loss.weight", "ema.conv1.weight", "ema.module.bn1.bias")
    state = {**under("model."), **tensors(*beside)}
    assert values(unwrap(state, NAMES, path=path)) == values(tensors(*NAMES))
    said = capsys.readouterr().out
    assert said.startswith(f"{path}: takes what stands under 'model.', not what is beside it: ")
    assert said.endswith("'loss.weight', 'ema.conv1.weight', ...\n")


def test_nothing_is_said_where_nothing_is_beside(tmp_path, capsys):
    unwrap(under("module."), NAMES, path=tmp_path / "a.pt")
    unwrap(under(""), NAMES, path=tmp_path / "a.pt")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("more", "places"),
    [
        (under(""), "as 'conv1.weight' and as 'model.conv1.weight'"),
        (tensors("bn1.bias"), "as 'model.bn1.bias' and as 'bn1.bias'"),
        (under("module."), "as 'model.conv1.weight' and as 'module.conv1.weight'"),
        (under("model.module."), "as 'model.conv1.weight' and as 'model.module.conv1.weight'"),
    ],
)
def test_a_name_under_two_prefixes_is_refused(tmp_path, more, places):
    with pytest.raises(InputError) as caught:
        unwrap({**under("model."), **more}, NAMES, path=tmp_path / "a.pt")
    assert f" twice, {places}; save the weights of one network only" in str(caught.value)


def test_what_the_network_needs_is_never_left_out_unsaid(tmp_path):
    """A head beside the wrapped body: it is missing, not drawn anew."""
    state = network(1).state_dict()
    mixed = {name if name.startswith("linear") else f"model.{name}": state[name] for name in state}
    with pytest.raises(InputError, match=r"2 missing \(linear\.weight, linear\.bias\)"):
        load_weights(network(2), mixed, path=tmp_path / "a.ckpt")


def test_without_a_prefix_nothing_is_left_out(tmp_path):
    state = {**network(1).state_dict(), "loss.weight": torch.ones(4)}
    with pytest.raises(InputError, match=r"1 unexpected \(loss\.weight\)"):
        load_weights(network(2), state, path=tmp_path / "a.ckpt")


def test_under_a_prefix_nothing_is_left_out(tmp_path):
    """The other half of a larger network is too much, as it is without a prefix."""
    state = {f"module.{name}": each for name, each in network(depth=14).state_dict().items()}
    with pytest.raises(InputError, match=r"36 unexpected \(layer1\.1\.conv1\.weight, "):
        load_weights(network(), state, path=tmp_path / "a.ckpt")


def test_names_are_shown_in_short(tmp_path, capsys):
    state = {**under("model."), "\x1b" + "x" * 9999: torch.ones(1)}
    unwrap(state, NAMES, path=tmp_path / "a.ckpt")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert len(said) < 400
