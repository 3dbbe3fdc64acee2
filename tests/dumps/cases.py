"""Small prepared images and networks with random weights, for the tests of dumps."""

import torch

from imbalens.dumps.trained import Trained
from imbalens.models.build import build_model
from imbalens.models.cifar_resnet import CifarResNet
from imbalens.params.datasets import Dataset
from imbalens.params.runs import Ce, CifarResnet, Ldam, LogitAdjustment, Run

N_CLASSES = 10
LDAM_SCALE = 30.0
TAU = 1.5
LOSSES = {
    "ce": Ce(name="ce"),
    "ldam": Ldam(name="ldam", max_margin=0.5, scale=LDAM_SCALE),
    "post_hoc": LogitAdjustment(name="logit_adjustment", tau=TAU, post_hoc=True),
}
DATASET = Dataset.model_validate(
    {
        "source": {
            "name": "planted",
            "train_per_class": 12,
            "test_per_class": 2,
            "mislabelled": 0.1,
            "subconcept": 0.1,
            "seed": 0,
        },
        "image_size": 8,
        "resize": "squash",
        "bits": None,
        "evaluate_on": None,
        "imbalance": {
            "kind": "exp",
            "ratio": 4.0,
            "n_max": 12,
            "order": "label",
            "selection": {"name": "seeded", "seed": 0},
        },
        "validation": {"share": 0.25, "seed": 0},
        "normalization": None,
    }
)


def make_run(loss: str, model: str = "resnet8") -> Run:
    return Run(
        method=loss,
        dataset="tiny",
        model=CifarResnet.model_validate({"name": model}),
        loss=LOSSES[loss],
        drw=None,
        recipe="quick",
        seed=0,
        checkpoint=None,
    )


def random_network(loss: str) -> CifarResNet:
    """A network whose batch normalisation in evaluation mode is far from that in training."""
    torch.manual_seed(11)
    model = build_model(CifarResnet(name="resnet8"), LOSSES[loss], N_CLASSES)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
    return model


def break_maps(trained: Trained, split: str, row: int, *, value: float) -> None:
    """Let a network's maps of one image hold another value."""
    split_images, whole = trained.images[split], trained.model.forward_maps
    (wanted,) = split_images.normalized(split_images.images[row : row + 1])

    def broken(images):
        maps = whole(images).clone()
        maps[(images - wanted).abs().amax((1, 2, 3)) < 1e-5, 0, 0, 0] = value
        return maps

    trained.model.forward_maps = broken
