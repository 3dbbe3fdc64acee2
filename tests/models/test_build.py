import subprocess
import sys

import pytest
import torch

from imbalens.models.build import build_model
from imbalens.params import runs

LDAM = runs.Ldam(name="ldam", max_margin=0.5, scale=30.0)
BCE = runs.Bce(name="bce")
RESNET8 = runs.CifarResnet(name="resnet8")
RESNET50 = runs.Resnet50(name="resnet50", weights="none")
DENSENET = runs.Densenet121Truncated(name="densenet121_truncated", weights="none")


@pytest.mark.parametrize(
    ("model", "family", "n_features"),
    [
        (RESNET8, "cifar_resnet", 64),
        (RESNET50, "resnet50", 2048),
        (DENSENET, "densenet121_truncated", 512),
    ],
)
def test_the_parameters_decide_network_and_head(model, family, n_features):
    for loss, head in ((BCE, "linear"), (LDAM, "cosine")):
        network = build_model(model, loss, 3)
        weight, bias = network.head_matrix()
        assert (network.family, network.head) == (family, head)
        assert weight.shape == (3, n_features)
        assert bias.shape == (3,)


@pytest.mark.parametrize("model", [RESNET8, RESNET50, DENSENET])
def test_what_the_parameters_state_is_true_of_the_network(model):
    network = build_model(model, BCE, 3).eval()
    assert model.family == network.family
    with torch.no_grad():
        for size, n_cells in ((model.min_image_size, 4), (model.min_image_size // 2, 1)):
            assert network.forward_maps(torch.zeros(1, 3, size, size))[0, 0].numel() == n_cells


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
