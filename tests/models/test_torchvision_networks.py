import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from imbalens.models.torchvision_networks import ResNet50, TruncatedDenseNet121

KINDS = {"resnet50": ResNet50, "densenet121_truncated": TruncatedDenseNet121}
N_FEATURES = {"resnet50": 2048, "densenet121_truncated": 512}


def images(n=2, size=64):
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.normal(size=(n, 3, size, size))).float()


def build(kind, head):
    torch.manual_seed(0)
    return KINDS[kind](5, head=head).eval()


def unsettle(network):
    """Give the batch normalisations something to do, which fresh ones have not."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.7, 1.5, generator=generator)
            with torch.no_grad():
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    return network


@pytest.fixture(scope="module", params=KINDS)
def linear(request):
    return unsettle(build(request.param, "linear"))


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("resnet50", (1, 2048, 7, 7)), ("densenet121_truncated", (1, 512, 28, 28))],
)
def test_maps_of_images_of_the_papers_size(kind, shape):
    with torch.no_grad():
        assert build(kind, "linear").forward_maps(images(1, 224)).shape == shape


def test_forward_is_its_steps(linear):
    with torch.no_grad():
        maps = linear.forward_maps(images())
        features = linear.forward_features(images())
        logits = linear(images())
        weight, bias = linear.head_matrix()
    assert linear.head == "linear"
    assert (maps >= 0).all()
    assert (maps > 0).any()
    assert features.shape == (2, N_FEATURES[linear.family])
    torch.testing.assert_close(features, maps.mean(dim=(2, 3)))
    torch.testing.assert_close(linear.classify(features), logits)
    torch.testing.assert_close(features @ weight.T + bias, logits)


def test_resnet50_is_torchvisions():
    ours = unsettle(build("resnet50", "linear"))
    theirs = torchvision.models.resnet50(num_classes=5).eval()
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(images()), theirs(images()))


def test_truncated_densenet_is_torchvisions_cut_by_hand():
    ours = unsettle(build("densenet121_truncated", "linear"))
    full = torchvision.models.densenet121().eval()
    state = ours.state_dict()
    body = [name for name in state if not name.startswith(("classifier", "features.norm5"))]
    assert body == list(full.state_dict())[: len(body)]
    assert not any("transition2" in name or "denseblock3" in name for name in state)
    full.load_state_dict({**full.state_dict(), **{name: state[name] for name in body}})
    norm = {
        name.removeprefix("features.norm5."): tensor
        for name, tensor in state.items()
        if "norm5" in name
    }
    with torch.no_grad():
        maps = images()
        for name, module in full.features.named_children():
            maps = module(maps)
            if name == "denseblock2":
                break
        deviation = (norm["running_var"] + 1e-5).sqrt()
        maps = (maps - norm["running_mean"][:, None, None]) / deviation[:, None, None]
        maps = maps * norm["weight"][:, None, None] + norm["bias"][:, None, None]
        expected = maps.clamp(min=0)
        torch.testing.assert_close(ours.forward_maps(images()), expected, rtol=1e-4, atol=1e-5)


def test_parameter_counts():
    resnet = build("resnet50", "cosine")  # 25.56 M with 1000 linear outputs
    assert count_parameters(resnet) == 25_557_032 - 2049 * 1000 + 2048 * 5
    n_stem, n_norm = 3 * 64 * 7 * 7 + 2 * 64, 2 * 512
    n_transition = 2 * 256 + 256 * 128
    expected = n_stem + n_transition + n_norm + 512 * 5
    for n_first, n_layers in ((64, 6), (128, 12)):
        for n_in in range(n_first, n_first + 32 * n_layers, 32):
            expected += 2 * n_in + n_in * 128 + 2 * 128 + 128 * 32 * 3 * 3
    assert count_parameters(build("densenet121_truncated", "cosine")) == expected


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_cosine_head_gives_cosines(kind):
    network = build(kind, "cosine")
    with torch.no_grad():
        features, logits = network.forward_features(images()), network(images())
        weight, bias = network.head_matrix()
    assert network.state_dict()[f"{network.head_name}.weight"].shape == (N_FEATURES[kind], 5)
    assert f"{network.head_name}.bias" not in network.state_dict()
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(5))
    assert bias.tolist() == [0] * 5
    torch.testing.assert_close(functional.normalize(features, dim=1) @ weight.T, logits)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_parameter(kind):
    network = build(kind, "linear").train()
    network(images(2, 64)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
