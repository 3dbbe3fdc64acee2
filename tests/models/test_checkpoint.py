import argparse
import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.models.checkpoint import load_checkpoint, load_weights, save_weights
from imbalens.models.cifar_resnet import CifarResNet

IMAGES = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 8, 8))).float()


def network(seed=0, *, n_classes=4, head="linear", depth=8):
    torch.manual_seed(seed)
    return CifarResNet(depth, n_classes, head=head).eval()


def save(content, path, **options):
    torch.save(content, path, **options)
    return path


class Harmful:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code from a file was run')",))


def wrap(kind, state):
    """A state_dict as public programs save it."""
    in_module = {f"module.{name}": value for name, value in state.items()}
    match kind:
        case "bare":
            return state
        case "module":
            return in_module
        case "state_dict":
            return {"state_dict": state}
        case "model" | "model_state_dict" | "model_state" | "net":
            return {kind: state, "epoch": 180}
        case "deepspeed":
            return {"module": state, "buffer_names": [], "optimizer": None, "dp_world_size": 8}
        case "described":
            return {"model": {"name": "resnet8"}, "model_state_dict": state}
        case "torchvision":
            options = argparse.Namespace(lr=0.1, output_dir=Path("out"), resume=None)
            return {"model": state, "epoch": 3, "args": options}
        case "numpy":
            return {"state_dict": state, "best_acc1": np.float64(72.56), "epoch": np.int64(3)}
        case "cao":
            momenta = {0: {"momentum_buffer": torch.zeros(3)}}
            groups = [{"lr": 0.1, "nesterov": False, "dampening": 0, "params": [0]}]
            return {
                "epoch": 180,
                "arch": "resnet32",
                "state_dict": in_module,
                "best_acc1": torch.tensor(72.56),
                "optimizer": {"state": momenta, "param_groups": groups},
            }
    raise AssertionError(kind)


LAYOUTS = ["bare", "module", "state_dict", "model", "numpy", "cao"]
LAYOUTS += ["torchvision", "model_state_dict", "model_state", "described", "net", "deepspeed"]


def test_weights_of_two_networks_are_refused(tmp_path):
    state = network(1).state_dict()
    path = tmp_path / "a.pt"
    torch.save({"model": state, "net": network(2).state_dict()}, path)
    with pytest.raises(InputError, match=r"holds weights under 'model' and 'net'; save those of"):
        load_checkpoint(path)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_public_layouts_load_unchanged(tmp_path, kind):
    source, target = network(1), network(2)
    with torch.no_grad():
        expected = source(IMAGES)
        for zipped in (True, False):
            path = save(
                wrap(kind, source.state_dict()),
                tmp_path / "public.pth.tar",
                _use_new_zipfile_serialization=zipped,
            )
            load_weights(target, load_checkpoint(path), path=path)
            torch.testing.assert_close(target(IMAGES), expected, rtol=0, atol=0)


def test_a_scalar_of_an_older_numpy_is_passed_over(tmp_path):
    path = save(
        {"state_dict": {"w": torch.ones(2)}, "best_acc1": np.float64(72.56)},
        tmp_path / "a.pt",
        _use_new_zipfile_serialization=False,
    )
    content = path.read_bytes()
    assert content.count(b"cnumpy._core.multiarray\n") == 1
    path.write_bytes(content.replace(b"cnumpy._core.multi", b"cnumpy.core.multi"))
    assert load_checkpoint(path)["w"].tolist() == [1, 1]


def test_saved_weights_come_back_and_are_byte_stable(tmp_path):
    source, target = network(1), network(2)
    metadata = {"run": "planted-ce", "epoch": 11, "accuracy": 0.5, "best": None}
    save_weights(source, tmp_path / "folder" / "a.pt", metadata=metadata)
    save_weights(
        source.to(memory_format=torch.channels_last), tmp_path / "other.pt", metadata=metadata
    )
    assert (tmp_path / "folder" / "a.pt").read_bytes() == (tmp_path / "other.pt").read_bytes()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.pt"]
    load_weights(target, load_checkpoint(tmp_path / "other.pt"), path=tmp_path / "other.pt")
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor), name
    stored = torch.load(tmp_path / "other.pt", weights_only=True)
    assert {key: stored[key] for key in metadata} == metadata


def test_an_unwritable_place_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        save_weights(network(), tmp_path / "file" / "a.pt", metadata={})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def fit(source, target, tmp_path):
    path = save(source.state_dict(), tmp_path / "other.pt")
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_weights(target, load_checkpoint(path), path=path)
    for name, tensor in before.items():
        assert torch.equal(target.state_dict()[name], tensor), name
    message = str(caught.value)
    assert message.startswith(f"{path}: does not fit the network: ")
    return message


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_another_number_of_classes_names_both_first(tmp_path, head):
    message = fit(network(n_classes=6, head=head), network(head=head), tmp_path)
    assert "the network: its head is of 6 classes, the dataset has 4; " in message


def test_the_number_of_classes_is_read_under_a_prefix_and_in_a_file_of_another_kind(tmp_path):
    state = {f"model.{name}": each for name, each in network(n_classes=6).state_dict().items()}
    path = tmp_path / "a.ckpt"
    for target in (network(), network(head="cosine"), network(depth=14)):
        with pytest.raises(InputError, match="network: its head is of 6 classes, the dataset"):
            load_weights(target, state, path=path)


@pytest.mark.parametrize("source", [{"depth": 14}, {"head": "cosine"}])
def test_equal_numbers_of_classes_are_not_named(tmp_path, source):
    assert "its head is of" not in fit(network(**source), network(), tmp_path)


def test_another_number_of_classes_is_listed(tmp_path):
    message = fit(network(n_classes=6), network(), tmp_path)
    shapes = "linear.weight [6, 64] for [4, 64], linear.bias [6] for [4]"
    assert f"2 of another shape ({shapes})" in message
    assert "missing" not in message
    assert "unexpected" not in message


def test_another_head_is_listed(tmp_path):
    message = fit(network(head="cosine"), network(), tmp_path)
    assert "1 missing (linear.bias)" in message
    assert "1 of another shape (linear.weight [64, 4] for [4, 64])" in message


def test_another_depth_is_listed_in_short(tmp_path):
    message = fit(network(depth=14), network(), tmp_path)
    assert "36 unexpected (layer1.1.conv1.weight, layer1.1.bn1.weight, " in message
    assert ", and 31 more)" in message
    assert "30 missing" in fit(network(), network(depth=14), tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"epoch": 3, "state_dict": {}}, "found: epoch, state_dict"),
        ({}, "found: nothing"),
        ({"state_dict": {"conv1.weight": 3}}, "found: state_dict"),
        ([torch.zeros(3)], "found: list"),
        (torch.zeros(3), "found: Tensor"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(tmp_path, content, reason):
    with pytest.raises(InputError, match=reason):
        load_checkpoint(save(content, tmp_path / "a.pt"))


def test_files_that_carry_code_are_refused(tmp_path):
    plain_pickle = tmp_path / "pickle.pt"
    plain_pickle.write_bytes(pickle.dumps(Harmful()))
    state = network().state_dict()
    for path in (
        save({"state_dict": state, "extra": Harmful()}, tmp_path / "a.pt"),
        save(network(), tmp_path / "whole.pt"),
        plain_pickle,
    ):
        with pytest.raises(InputError, match="not a plain weights file"):
            load_checkpoint(path)


def test_a_whole_network_is_refused_by_name(tmp_path):
    path = save(network(), tmp_path / "whole.pt")
    with pytest.raises(
        InputError, match=r"it holds imbalens\.models\.cifar_resnet\.CifarResNet\)"
    ):
        load_checkpoint(path)


def test_absent_file(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pt: no such file"):
        load_checkpoint(tmp_path / "absent.pt")


@pytest.mark.parametrize("legacy", [False, True])
@given(share=st.floats(0, 0.99))
@settings(deadline=None, max_examples=12)
def test_truncated_files_are_damaged(tmp_path_factory, legacy, share):
    path = tmp_path_factory.mktemp("damaged") / "a.pt"
    save({"w": torch.ones(40, 5)}, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(path)


@given(content=st.binary(max_size=60))
@settings(deadline=None, max_examples=30)
def test_foreign_files_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("foreign") / "a.pt"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_checkpoint(path)


def test_weights_saved_before_batches_were_counted_load(tmp_path):
    source, target = network(), network()
    state = {k: v for k, v in source.state_dict().items() if "num_batches_tracked" not in k}
    load_weights(target, state, path=tmp_path / "old.pt")
    for name, tensor in state.items():
        assert torch.equal(target.state_dict()[name], tensor)


def changed(tensor, value, *, n=3):
    """The same with some other numbers, of which the first stands second."""
    other = tensor.clone()
    other.view(-1)[1 : 1 + n] = value
    return other


def with_weights(name, make):
    state = network().state_dict()
    return {**state, name: make(state[name])}


def refused(state, tmp_path):
    """What is said of weights that fit by name and shape."""
    path, model = save(state, tmp_path / "a.pt"), network(1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_weights(model, load_checkpoint(path), path=path)
    for name, tensor in before.items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "size"), [("layer1.0.conv1.weight", 2304), ("bn1.running_mean", 16)]
)
def test_weights_that_are_not_finite_are_refused(tmp_path, name, size, value):
    state = with_weights(name, lambda own: changed(own, value))
    message = refused(state, tmp_path)
    assert f"{name} has 3 of {size} values that are not finite as float32; " in message


def test_the_first_of_several_bad_tensors_is_named(tmp_path):
    state = with_weights("linear.bias", lambda own: changed(own, math.nan))
    state["bn1.bias"] = changed(state["bn1.bias"], math.inf, n=1)
    assert "bn1.bias has 1 of 16 values" in refused(state, tmp_path)


def test_numbers_too_large_for_the_network_are_refused(tmp_path):
    state = with_weights("linear.weight", lambda own: changed(own.double(), 1e300, n=2))
    message = "linear.weight has 2 of 256 values that are not finite as float32"
    assert message in refused(state, tmp_path)


def test_a_variance_below_zero_is_refused(tmp_path):
    state = with_weights("layer2.0.bn1.running_var", lambda own: changed(own, -1e-9))
    message = "layer2.0.bn1.running_var has 3 of 32 variances below 0; get the weights again"
    assert message in refused(state, tmp_path)
    fine = with_weights("layer2.0.bn1.running_var", lambda own: changed(own, 0.0))
    load_weights(network(), fine, path=tmp_path / "a.pt")


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64, torch.bool, torch.float8_e4m3fn])
def test_weights_that_are_no_real_numbers_are_refused(tmp_path, dtype):
    state = with_weights("linear.weight", lambda own: own.to(dtype))
    found = str(dtype).removeprefix("torch.")
    message = f"linear.weight holds {found}, which is not taken for float32; save it as float32"
    assert refused(state, tmp_path).endswith(message)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_and_double_precision_become_the_networks_own(tmp_path, dtype):
    state = {name: tensor.to(dtype) for name, tensor in network(1).state_dict().items()}
    path, target = save(state, tmp_path / "a.pt"), network(2)
    load_weights(target, load_checkpoint(path), path=path)
    for name, tensor in target.state_dict().items():
        assert tensor.dtype == (torch.int64 if name.endswith("tracked") else torch.float32)
        assert torch.equal(tensor, state[name].to(tensor.dtype)), name


def ragged(layout):
    parts = [torch.zeros(2), torch.zeros(3)]
    return lambda _: torch.nested.nested_tensor(parts, layout=layout)


@pytest.mark.filterwarnings("ignore")  # torch finds some of these kinds young, others old
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda own: own.to_sparse(), "is stored as sparse_coo"),
        (lambda own: own.to_sparse_csr(), "is stored as sparse_csr"),
        (lambda own: own.to("meta"), "is on the device meta, without numbers"),
        (lambda own: torch.quantize_per_tensor(own, 0.1, 0, torch.qint8), "is quantized"),
        (ragged(torch.strided), "is a nested tensor"),
        (ragged(torch.jagged), "is a nested tensor"),
    ],
)
def test_tensors_without_plain_numbers_are_refused(tmp_path, make, kind):
    message = refused(with_weights("linear.weight", make), tmp_path)
    assert f"holds no weights ('linear.weight' {kind}; save it as a plain tensor; " in message


def test_a_huge_tensor_of_one_stored_number_is_not_spread_out(tmp_path):
    state = with_weights("linear.weight", lambda _: torch.zeros(()).expand(2**25, 2**25))
    message = refused(state, tmp_path)
    assert "1 of another shape (linear.weight [33554432, 33554432] for [4, 64])" in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({3: torch.zeros(2)}, "the name 3 is no text"),
        ({"epoch": 7}, "'epoch' is of type int"),
    ],
)
def test_what_is_no_state_says_why_in_short(tmp_path, changes, reason):
    message = refused({**network().state_dict(), **changes}, tmp_path)
    assert f"holds no weights ({reason}" in message
    assert "; found: conv1.weight, bn1.weight, " in message
    assert len(message) < 400


def test_only_a_regular_file_is_opened(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; name the weights file itself"):
        load_checkpoint(tmp_path)
    with pytest.raises(InputError, match="is no regular file; name the weights file itself"):
        load_checkpoint(Path(os.devnull))


def test_a_file_that_cannot_be_opened_says_why(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = save(network().state_dict(), tmp_path / "a.pt")
    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read everything
    with pytest.raises(InputError, match=r"a\.pt: cannot be read \(Permission denied\)"):
        load_checkpoint(path)
