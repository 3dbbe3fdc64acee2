"""Factories as a user writes them, and such as cannot be used."""

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import VisionTransformer

NOTHING = 3


def build(n_outputs, width=8):
    """Class activation maps follow from its maps."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(width, n_outputs, bias=False),
    )


def hidden(n_outputs, activation="ReLU"):
    """A hidden layer stands between the maps' means and the head."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=4, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 9),
        getattr(nn, activation)(),
        nn.Linear(9, n_outputs),
    )


def transformer(n_outputs, image_size=32):
    found = VisionTransformer(
        image_size=image_size,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        num_classes=n_outputs,
    )
    nn.init.normal_(found.heads.head.weight, std=0.1)  # torchvision's is zeros
    return found


class ChannelsLast(nn.Module):
    """As timm's Swin: the last maps have their channels last, and no module turns them."""

    def __init__(self, n_outputs):
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 8, stride=8)
        self.norm = nn.LayerNorm(5)
        self.head = nn.Linear(5, n_outputs)

    def forward(self, images):
        return self.head(self.norm(self.stem(images).permute(0, 2, 3, 1)).mean(dim=(1, 2)))


def mlp(n_outputs):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 32 * 32, 7), nn.ReLU(), nn.Linear(7, n_outputs)
    )


def frozen(n_outputs):
    found = build(n_outputs)
    found[0].requires_grad_(False)
    return found


class Returning(nn.Module):
    """What a function makes of two heads' outputs."""

    def __init__(self, n_outputs, n_auxiliary=None):
        super().__init__()
        self.body = build(6)
        self.main = nn.Linear(6, n_outputs)
        self.auxiliary = nn.Linear(6, n_auxiliary or n_outputs)

    def forward(self, images):
        features = self.body(images)
        return self.give(self.main(features), self.auxiliary(features))

    def give(self, main, auxiliary):  # noqa: ARG002 - of those that follow
        return main


class Averaging(Returning):
    def give(self, main, auxiliary):
        return (main + auxiliary) / 2


class Both(Returning):
    def give(self, main, auxiliary):
        return {"main": main, "auxiliary": auxiliary}


class BothInTraining(Returning):
    def give(self, main, auxiliary):
        return (main, auxiliary) if self.training else main


class Softmax(Returning):
    def give(self, main, auxiliary):  # noqa: ARG002
        return functional.softmax(main, dim=1)


def thousand(n_outputs):  # noqa: ARG001 - which is its mistake
    return build(1000)


def without_linear(n_outputs):
    return nn.Sequential(nn.Conv2d(3, n_outputs, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def raising(n_outputs):
    raise RuntimeError(f"no network of {n_outputs} outputs" + "!" * 500)


def nothing(n_outputs):
    return {"outputs": n_outputs}


class ForOneSize(nn.Module):
    def __init__(self, n_outputs):
        super().__init__()
        self.body = build(n_outputs)

    def forward(self, images):
        assert images.shape[2] == 224, "wants 224"
        return self.body(torch.as_tensor(images))
