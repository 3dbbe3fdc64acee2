import numpy as np
import pytest
import torch
from torch.nn import functional

from imbalens.models.build import build_model
from imbalens.models.cifar_resnet import BasicBlock, CifarResNet
from imbalens.params import runs

NORM_NAMES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
LDAM = runs.Ldam(name="ldam", max_margin=0.5, scale=30.0)


def small(head="linear", n_classes=5):
    torch.manual_seed(0)
    return CifarResNet(8, n_classes, head=head)


def images(n=2, height=8, width=8):
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.normal(size=(n, 3, height, width))).float()


def public_names(n_blocks, head):
    """Names of the public implementation's state_dict, in its order."""
    names = ["conv1.weight", *(f"bn1.{name}" for name in NORM_NAMES)]
    for layer in ("layer1", "layer2", "layer3"):
        for block in range(n_blocks):
            for part in ("1", "2"):
                names.append(f"{layer}.{block}.conv{part}.weight")
                names += [f"{layer}.{block}.bn{part}.{name}" for name in NORM_NAMES]
    return names + head


@pytest.mark.parametrize(
    ("head", "head_shapes"),
    [
        ("linear", {"linear.weight": (10, 64), "linear.bias": (10,)}),
        ("cosine", {"linear.weight": (64, 10)}),
    ],
)
def test_names_and_shapes_are_the_public_ones(head, head_shapes):
    state = CifarResNet(32, 10, head=head).state_dict()
    assert list(state) == public_names(5, list(head_shapes))
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes.items() >= head_shapes.items()
    assert shapes["conv1.weight"] == (16, 3, 3, 3)
    assert shapes["layer2.0.conv1.weight"] == (32, 16, 3, 3)
    assert shapes["layer3.4.conv2.weight"] == (64, 64, 3, 3)


@pytest.mark.parametrize(
    ("depth", "n_parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018)]
)
def test_parameter_counts(depth, n_parameters):
    model = CifarResNet(depth, 10, head="linear")
    assert sum(parameter.numel() for parameter in model.parameters()) == n_parameters


@pytest.mark.parametrize("depth", [2, 7, 33])
def test_other_depths_do_not_exist(depth):
    with pytest.raises(ValueError, match=f"found {depth}"):
        CifarResNet(depth, 10, head="linear")


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 5), (9, 4)])
def test_shortcut_subsamples_and_pads_with_zeros(height, width):
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, height, width))).float()
    expected = np.zeros((2, 8, (height + 1) // 2, (width + 1) // 2), dtype=np.float32)
    for n in range(2):
        for channel in range(4):
            for row in range(0, height, 2):
                for column in range(0, width, 2):
                    value = maps[n, channel, row, column]
                    expected[n, 2 + channel, row // 2, column // 2] = value
    block = BasicBlock(4, 8)
    np.testing.assert_array_equal(block.shortcut(maps).numpy(), expected)
    assert block(maps).shape == expected.shape
    assert BasicBlock(4, 4).shortcut(maps) is maps


@pytest.mark.parametrize("head", ["linear", "cosine"])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (9, 13)])
def test_forward_is_its_steps(head, height, width):
    model = small(head).eval()
    batch = images(2, height, width)
    with torch.no_grad():
        maps = model.forward_maps(batch)
        features = model.forward_features(batch)
        logits = model(batch)
        classified = model.classify(features)
        weight, bias = model.head_matrix()
    assert maps.shape == (2, 64, -(-height // 4), -(-width // 4))
    assert (maps >= 0).all()
    torch.testing.assert_close(features, maps.mean(dim=(2, 3)))
    torch.testing.assert_close(classified, logits)
    inputs = functional.normalize(features, dim=1) if head == "cosine" else features
    torch.testing.assert_close(inputs @ weight.T + bias, logits)


def test_forward_equals_a_plain_reading_of_the_architecture():
    model = small().eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
        logits = model(images())
        state = model.state_dict()

        def conv_norm(maps, conv, norm, stride):
            maps = functional.conv2d(maps, state[f"{conv}.weight"], stride=stride, padding=1)
            per_channel = {name: state[f"{norm}.{name}"][:, None, None] for name in NORM_NAMES[:4]}
            deviation = (per_channel["running_var"] + 1e-5).sqrt()
            standardised = (maps - per_channel["running_mean"]) / deviation
            return standardised * per_channel["weight"] + per_channel["bias"]

        maps = conv_norm(images(), "conv1", "bn1", 1).clamp(min=0)
        for layer, n_added in (("layer1.0", 0), ("layer2.0", 8), ("layer3.0", 16)):
            stride = 2 if n_added else 1
            inner = conv_norm(maps, f"{layer}.conv1", f"{layer}.bn1", stride).clamp(min=0)
            inner = conv_norm(inner, f"{layer}.conv2", f"{layer}.bn2", 1)
            zeros = torch.zeros(2, n_added, *inner.shape[2:])
            maps = torch.cat([zeros, maps[:, :, ::stride, ::stride], zeros], dim=1) + inner
            maps = maps.clamp(min=0)
        features = maps.flatten(2).mean(2)
        expected = features @ state["linear.weight"].T + state["linear.bias"]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_cosine_logits_are_cosines():
    model = small("cosine")
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(20, 64))).float() * 100
    with torch.no_grad():
        logits = model.classify(features)
        own = model.classify(model.linear.weight.T * 7)
        columns = model.linear.weight.norm(dim=0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            in_mixed_precision = model.classify(features)
    assert logits.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(own.diagonal(), torch.ones(5))
    torch.testing.assert_close(columns, torch.ones(5))
    torch.testing.assert_close(in_mixed_precision, logits, rtol=0, atol=0)
    row, column = features[3].numpy(), model.linear.weight[:, 2].detach().numpy()
    cosine = row @ column / np.linalg.norm(row) / np.linalg.norm(column)
    np.testing.assert_allclose(logits[3, 2].item(), cosine, rtol=1e-4)


def test_initial_weights_are_kaiming_normal():
    torch.manual_seed(0)
    model = CifarResNet(8, 400, head="linear")
    for weight, fan_in in (
        (model.layer3[0].conv2.weight, 64 * 9),
        (model.linear.weight, 64),
    ):
        assert weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.03)
        assert weight.mean().item() == pytest.approx(0, abs=0.002)


def test_gradients_reach_every_parameter():
    for head in ("linear", "cosine"):
        model = small(head)
        model(images(4)).square().sum().backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_the_loss_decides_the_head():
    model = runs.CifarResnet(name="resnet14")
    linear = build_model(model, runs.Ce(name="ce"), 7).state_dict()
    cosine = build_model(model, LDAM, 7).state_dict()
    assert list(linear) == public_names(2, ["linear.weight", "linear.bias"])
    assert list(cosine) == public_names(2, ["linear.weight"])
    assert linear["linear.bias"].shape == (7,)
    assert cosine["linear.weight"].shape == (64, 7)
