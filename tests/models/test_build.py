import subprocess
import sys

import pytest
import torch
from torch.nn import functional

from imbalens.models.build import build_model
from imbalens.params import runs
from tests.networks import NETWORKS

LDAM = runs.Ldam(name="ldam", max_margin=0.5, scale=30.0)
BCE = runs.Bce(name="bce")


@pytest.mark.parametrize(
    ("model", "family", "n_features"),
    [
        ("resnet8", "cifar_resnet", 64),
        ("resnet50", "resnet50", 2048),
        ("densenet", "densenet121_truncated", 512),
    ],
)
def test_the_parameters_decide_network_and_head(model, family, n_features):
    for loss, head in ((BCE, "linear"), (LDAM, "cosine")):
        network = build_model(NETWORKS[model], loss, 3)
        weight, bias = network.head_matrix()
        assert (network.family, network.head) == (family, head)
        assert weight.shape == (3, n_features)
        assert bias.shape == (3,)


@pytest.mark.parametrize("model", NETWORKS.values(), ids=NETWORKS)
def test_what_the_parameters_state_is_true_of_the_network(model):
    network = build_model(model, BCE, 3).eval()
    assert model.family == network.family
    with torch.no_grad():
        for size, n_cells in ((model.min_image_size, 4), (model.min_image_size // 2, 1)):
            assert network.forward_maps(torch.zeros(1, 3, size, size))[0, 0].numel() == n_cells


@pytest.mark.parametrize("loss", [BCE, LDAM], ids=["linear", "cosine"])
@pytest.mark.parametrize("model", NETWORKS.values(), ids=NETWORKS)
def test_logits_are_the_head_of_the_means_of_maps(model, loss):
    torch.manual_seed(0)
    network = build_model(model, loss, 5)
    size = 2 * model.min_image_size
    images = torch.randn(4, 3, size, size)
    network(images).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
    network.eval()
    with torch.no_grad():
        maps, logits = network.forward_maps(images), network(images)
        weight, bias = network.head_matrix()
    assert (maps >= 0).all()
    features = maps.mean(dim=(2, 3))
    inputs = functional.normalize(features, dim=1) if network.head == "cosine" else features
    torch.testing.assert_close(inputs @ weight.T + bias, logits, rtol=1e-4, atol=1e-5)


def test_small_networks_do_without_torchvision():
    code = """
import sys
from imbalens.params import runs
from imbalens.models.build import build_model
from imbalens.models.initial_weights import initialize
model = runs.CifarResnet(name="resnet8")
initialize(build_model(model, runs.Ce(name="ce"), 10), model)
print("torchvision" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert result.stdout.split() == ["False"]
