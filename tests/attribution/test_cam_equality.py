"""Class activation maps from what is dumped, against captum's Grad-CAM of the network."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from imbalens.analysis.common.cams import class_activation_maps
from imbalens.models.build import build_model
from imbalens.params import runs

MODELS = {
    "resnet20": (runs.CifarResnet(name="resnet20"), lambda network: network.layer3),
    "resnet50": (
        runs.Resnet50(name="resnet50", weights="none"),
        lambda network: network.layer4,
    ),
    "densenet121_truncated": (
        runs.Densenet121Truncated(name="densenet121_truncated", weights="none"),
        lambda network: network.features.relu5,
    ),
}
CLASSES = (0, 3, 2)


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    """A network, its last convolutional layer and images."""
    model, layer = MODELS[request.param]
    torch.manual_seed(0)
    network = build_model(model, runs.Bce(name="bce"), 4).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.7, 1.5)
    return network, layer(network), torch.randn(len(CLASSES), 3, 64, 64)


def test_equals_grad_cam(case):
    network, layer, images = case
    grad_cam = LayerGradCam(network, layer)
    expected = grad_cam.attribute(images, target=list(CLASSES))
    with torch.no_grad():
        maps = network.forward_maps(images).numpy()
        weight = network.head_matrix()[0].numpy()
    found = class_activation_maps(maps, weight[list(CLASSES)])
    # Grad-CAM weighs a channel by the mean over places of the logit's gradient. The logit takes
    # the mean of the h x w places, so every place's gradient, and their mean, is w_k / (h w).
    n_places = maps.shape[2] * maps.shape[3]
    expected = expected.detach().numpy()[:, 0] * n_places
    assert np.ptp(found, axis=(1, 2)).max() > 0
    assert (found < 0).any()
    scale = np.abs(found).max()
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)


def test_mean_of_a_map_is_the_logit_without_bias(case):
    network, _, images = case
    with torch.no_grad():
        maps = network.forward_maps(images).numpy()
        logits = network(images).numpy()
    weight, bias = (part.numpy() for part in network.head_matrix())
    cams = class_activation_maps(maps, weight[list(CLASSES)])
    expected = logits[np.arange(len(CLASSES)), CLASSES] - bias[list(CLASSES)]
    np.testing.assert_allclose(cams.mean(axis=(1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_of_a_cosine_head_the_mean_is_proportional_to_the_scores_of_an_image():
    torch.manual_seed(0)
    loss = runs.Ldam(name="ldam", max_margin=0.5, scale=30.0)
    network = build_model(runs.CifarResnet(name="resnet8"), loss, 4).eval()
    image = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        maps = network.forward_maps(image).numpy()
        cosines = network(image).numpy()[0]
        length = network.forward_features(image).norm().item()
    weight = network.head_matrix()[0].numpy()
    cams = class_activation_maps(np.repeat(maps, 4, axis=0), weight)
    np.testing.assert_allclose(cams.mean(axis=(1, 2)), length * cosines, rtol=1e-4, atol=1e-6)
