import hashlib
import re
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision

from imbalens.errors import InputError
from imbalens.models import initial_weights
from imbalens.models.build import build_model
from imbalens.models.initial_weights import initialize
from imbalens.params import runs

FILES = {
    "resnet50": "resnet50-0676ba61.pth",
    "densenet121_truncated": "densenet121-a639ec97.pth",
}
HEADS = {"resnet50": "fc.", "densenet121_truncated": "classifier."}
IMAGES = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 64, 64))).float()


def parameters(kind, weights):
    if kind == "resnet50":
        return runs.Resnet50(name="resnet50", weights=weights)
    return runs.Densenet121Truncated(name="densenet121_truncated", weights=weights)


def fresh(kind, seed=0):
    torch.manual_seed(seed)
    return build_model(parameters(kind, "none"), runs.Bce(name="bce"), 3).eval()


def copied(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def published(state):
    """Names as in the published file of DenseNet, which has no counts of batches either."""
    old = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))([12])\.")
    return {
        old.sub(r"\1.\2.", name): tensor
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


@pytest.fixture(scope="module")
def full():
    """Torchvision's full networks with random weights."""
    torch.manual_seed(1)
    return {
        "resnet50": torchvision.models.resnet50().eval(),
        "densenet121_truncated": torchvision.models.densenet121().eval(),
    }


def maps_by_hand(kind, full):
    """Maps of torchvision's network, cut where ours ends, under a fresh normalisation."""
    maps = IMAGES
    last = {"resnet50": "layer4", "densenet121_truncated": "denseblock2"}[kind]
    with torch.no_grad():
        for name, module in (full if kind == "resnet50" else full.features).named_children():
            maps = module(maps)
            if name == last:
                return maps if kind == "resnet50" else (maps / (1 + 1e-5) ** 0.5).clamp(min=0)
    raise AssertionError(last)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder of torch hub, and no way to download into it."""

    def refuse(*_, **__):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize("kind", FILES)
def test_imagenet_weights_that_cannot_be_had(cache, kind):
    network = fresh(kind)
    before = copied(network)
    with pytest.raises(InputError) as caught:
        initialize(network, parameters(kind, "imagenet"))
    message, path = str(caught.value), cache / FILES[kind]
    assert message.startswith(f"{path}: ")
    assert f"get https://download.pytorch.org/models/{FILES[kind]} elsewhere" in message
    assert f"place it at {path}" in message
    assert "model.weights to 'none' or to a weights file" in message
    assert "Name or service not known" in message
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.mark.parametrize("kind", FILES)
def test_a_file_placed_in_the_cache_is_used(cache, monkeypatch, full, kind):
    cache.mkdir(parents=True)
    torch.save(published(full[kind].state_dict()), cache / FILES[kind])
    monkeypatch.setattr(initial_weights, "_check_hash", lambda _: None)
    network = fresh(kind)
    before = copied(network)
    initialize(network, parameters(kind, "imagenet"))
    with torch.no_grad():
        torch.testing.assert_close(network.forward_maps(IMAGES), maps_by_hand(kind, full[kind]))
    for name, tensor in network.state_dict().items():
        if name.startswith((HEADS[kind], "features.norm5")):
            assert torch.equal(tensor, before[name]), name


def test_the_cached_files_hash_is_that_of_its_name(cache):
    cache.mkdir(parents=True)
    path = cache / FILES["resnet50"]
    path.write_bytes(b"half a download")
    with pytest.raises(InputError) as caught:
        initialize(fresh("resnet50"), parameters("resnet50", "imagenet"))
    found = hashlib.sha256(b"half a download").hexdigest()[:8]
    assert f"{path}: is damaged or another file" in str(caught.value)
    assert f"starts with {found}, not 0676ba61" in str(caught.value)
    good = cache / f"resnet50-{found}.pth"
    good.write_bytes(b"half a download")
    assert initial_weights._check_hash(good) is None


def test_a_file_is_named_by_a_variable(tmp_path, monkeypatch, full):
    monkeypatch.setenv("MY_WEIGHTS", str(tmp_path))
    torch.save(full["resnet50"].state_dict(), tmp_path / "full.pth")
    networks = [fresh("resnet50"), fresh("resnet50")]
    for network, path in zip(
        networks, (f"{tmp_path}/full.pth", "$MY_WEIGHTS/full.pth"), strict=True
    ):
        initialize(network, parameters("resnet50", path))
    torch.testing.assert_close(*(network.forward_maps(IMAGES) for network in networks))


def test_a_file_of_the_full_network(tmp_path, full):
    kind, path = "densenet121_truncated", tmp_path / "full.pth"
    torch.save({"state_dict": full[kind].state_dict()}, path)
    network = fresh(kind)
    initialize(network, parameters(kind, str(path)))
    with torch.no_grad():
        torch.testing.assert_close(network.forward_maps(IMAGES), maps_by_hand(kind, full[kind]))


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("prefix", ["module.", "model._orig_mod."])
def test_prefixes_are_taken_away_and_what_stands_beside_is_left_out(tmp_path, full, kind, prefix):
    state = {prefix + name: each for name, each in published(full[kind].state_dict()).items()}
    torch.save({"state_dict": {**state, "loss.weight": torch.ones(3)}}, tmp_path / "full.ckpt")
    network = fresh(kind)
    initialize(network, parameters(kind, str(tmp_path / "full.ckpt")))
    expected = maps_by_hand(kind, full[kind])
    torch.testing.assert_close(network.forward_maps(IMAGES).detach(), expected)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_the_same_network_gives_all_but_the_head(tmp_path, kind):
    source, network = fresh(kind, 1), fresh(kind, 2)
    if kind == "densenet121_truncated":
        torch.nn.init.uniform_(source.features.norm5.running_mean)
    path = tmp_path / "own.pt"
    torch.save({"run": "cxr-bce", "state_dict": source.state_dict()}, path)
    before = copied(network)
    initialize(network, parameters(kind, str(path)))
    for name, tensor in network.state_dict().items():
        expected = before if name.startswith(HEADS[kind]) else source.state_dict()
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("kind", FILES)
def test_none_leaves_the_network_as_it_is(kind):
    network = fresh(kind)
    before = copied(network)
    initialize(network, parameters(kind, "none"))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def refused(kind, state, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(state, path)
    network = fresh(kind)
    before = copied(network)
    with pytest.raises(InputError) as caught:
        initialize(network, parameters(kind, str(path)))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    message = str(caught.value)
    assert message.startswith(f"{path}: does not fit the body of {kind}: ")
    return message


def test_another_architecture_is_one_error(tmp_path, full):
    densenet, resnet = full["densenet121_truncated"], full["resnet50"]
    message = refused("resnet50", densenet.state_dict(), tmp_path)
    assert "missing (conv1.weight, bn1.weight, " in message
    assert "unexpected (features.conv0.weight, " in message
    message = refused("densenet121_truncated", resnet.state_dict(), tmp_path)
    assert "missing (features.conv0.weight, " in message
    with torch.device("meta"):
        deeper = torchvision.models.densenet169().state_dict()
    state = {name: torch.zeros(()).expand(tensor.shape) for name, tensor in deeper.items()}
    message = refused("densenet121_truncated", state, tmp_path)
    assert "missing" not in message
    assert "unexpected (features.denseblock3.denselayer25.norm1.weight, " in message


def test_single_differences_are_listed(tmp_path):
    state = fresh("densenet121_truncated").state_dict()
    del state["features.norm0.bias"]
    state["features.conv0.weight"] = torch.zeros(64, 1, 7, 7)
    state["features.conv9.weight"] = torch.zeros(2)
    message = refused("densenet121_truncated", state, tmp_path)
    assert "1 missing (features.norm0.bias)" in message
    assert "1 unexpected (features.conv9.weight)" in message
    assert "1 of another shape (features.conv0.weight [64, 1, 7, 7] for [64, 3, 7, 7])" in message


def test_an_absent_file_says_what_else_is_allowed(tmp_path):
    with pytest.raises(InputError, match=r"no such file.*'imagenet' or 'none'"):
        initialize(fresh("resnet50"), parameters("resnet50", str(tmp_path / "imagnet")))


def test_a_folder_is_no_file_of_weights(tmp_path):
    with pytest.raises(InputError, match="is a folder; name the weights file itself"):
        initialize(fresh("resnet50"), parameters("resnet50", str(tmp_path)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layer1.0.conv1.weight", torch.nan, "1 of 4096 values that are not finite as float32"),
        ("bn1.running_var", -1.0, "1 of 64 variances below 0"),
    ],
)
def test_weights_to_start_from_are_finite(tmp_path, full, name, value, message):
    state, path = copied(full["resnet50"]), tmp_path / "full.pth"
    state[name].view(-1)[0] = value
    torch.save(state, path)
    network = fresh("resnet50")
    before = copied(network)
    with pytest.raises(InputError, match=f"full.pth: {name} has {message}; get the weights again"):
        initialize(network, parameters("resnet50", str(path)))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def test_a_head_that_is_not_taken_may_hold_anything(tmp_path, full):
    state, path = copied(full["resnet50"]), tmp_path / "full.pth"
    state["fc.weight"][0, 0] = torch.nan
    torch.save(state, path)
    initialize(fresh("resnet50"), parameters("resnet50", str(path)))
