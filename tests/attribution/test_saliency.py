import numpy as np
import pytest
import torch
from captum.attr import Saliency
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.attribution.saliency import input_gradient_saliency, saliency_ranks
from imbalens.models.build import build_model
from imbalens.params.runs import Ce, CifarResnet


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(CifarResnet(name="resnet8"), Ce(name="ce"), 4).eval()


@pytest.mark.parametrize("score", ["predicted", "true"])
def test_equals_captum_one_image_at_a_time(model, score):
    images, labels = torch.randn(5, 3, 12, 12), torch.tensor([0, 1, 2, 3, 0])
    found = input_gradient_saliency(model, images, labels, score=score)
    targets = model(images).argmax(1) if score == "predicted" else labels
    for i in range(5):
        expected = Saliency(model).attribute(
            images[i : i + 1].clone().requires_grad_(), target=int(targets[i]), abs=True
        )
        torch.testing.assert_close(found[i], expected[0].amax(0), rtol=1e-4, atol=1e-6)


def test_gradient_of_a_linear_score_by_hand():
    weight = torch.tensor([[[[1.0, -3.0]], [[2.0, 0.5]]]])  # 1 class, 2 channels, 1 x 2 pixels
    found = input_gradient_saliency(
        lambda x: (x * weight).sum((1, 2, 3))[:, None],
        torch.zeros(1, 2, 1, 2),
        torch.zeros(1, dtype=torch.int64),
        score="true",
    )
    assert found.tolist() == [[[2.0, 3.0]]]


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(0, 50))
@settings(deadline=None, max_examples=40)
def test_ranks_are_a_stable_sort(n, height, width, seed):
    values = np.random.default_rng(seed).integers(0, 4, (n, height, width)).astype(np.float32)
    ranks = saliency_ranks(torch.from_numpy(values)).numpy()
    for image, rank in zip(values.reshape(n, -1), ranks.reshape(n, -1), strict=True):
        expected = sorted(range(len(image)), key=lambda i: (-image[i], i))
        assert [int(rank[i]) for i in expected] == list(range(len(image)))
