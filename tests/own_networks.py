"""Factories as a user writes them, and such as cannot be used."""

import warnings

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import VisionTransformer, googlenet

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


class Windows(ChannelsLast):
    """As timm's Swin in its blocks: tokens of windows, of which an image has many."""

    def __init__(self, n_outputs):
        super().__init__(n_outputs)
        self.stem = nn.Conv2d(3, 5, 4, stride=4)

    def forward(self, images):
        maps = self.stem(images).unflatten(3, (2, 4)).unflatten(2, (2, 4))
        tokens = self.norm(maps.permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 5))
        return self.head(tokens.reshape(len(images), -1, 5).mean(1))


def mlp(n_outputs):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 32 * 32, 7), nn.ReLU(), nn.Linear(7, n_outputs)
    )


def seeding(n_outputs):
    torch.manual_seed(7)
    return build(n_outputs)


def google(n_outputs):
    return googlenet(num_classes=n_outputs, init_weights=False)


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


class FromZero(Averaging):
    """Its logits tell nothing of its head."""

    def __init__(self, n_outputs):
        super().__init__(n_outputs)
        for layer in (self.main, self.auxiliary):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)


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


class Halved(Returning):
    """The head's output is another after the head."""

    def give(self, main, auxiliary):  # noqa: ARG002
        main /= 2
        return main


class ScaledFromZero(Returning):
    def __init__(self, n_outputs):
        super().__init__(n_outputs)
        nn.init.zeros_(self.main.weight)
        nn.init.zeros_(self.main.bias)

    def give(self, main, auxiliary):  # noqa: ARG002
        return main * 3


class Random(Returning):
    """Dropout in evaluation mode too."""

    def forward(self, images):
        return self.main(functional.dropout(self.body(images), 0.5))


class Cosines(nn.Linear):
    def forward(self, features):
        weight = functional.normalize(self.weight, dim=1)
        return functional.linear(functional.normalize(features, dim=1), weight)


def own_head(n_outputs):
    found = build(n_outputs)
    found[6] = Cosines(8, n_outputs)
    return found


class Crops(Returning):
    """A head on each image and its mirror image."""

    def forward(self, images):
        both = self.main(self.body(torch.cat([images, images.flip(3)])))
        return both.unflatten(0, (2, -1)).mean(0)


class TwoNames(Returning):
    """The head is called by a name that is not its first."""

    def __init__(self, n_outputs):
        super().__init__(n_outputs)
        self.again = self.main

    def forward(self, images):
        return self.again(self.body(images))


def compiled(n_outputs):
    return torch.compile(build(n_outputs), backend="eager")


def scripted(n_outputs):
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # it is deprecated
        return torch.jit.script(build(n_outputs))


def parallel(n_outputs):
    return nn.DataParallel(build(n_outputs))


def all_frozen(n_outputs):
    return build(n_outputs).requires_grad_(False)


def leaving(n_outputs):
    raise SystemExit(n_outputs)


def double(n_outputs):
    torch.set_default_dtype(torch.float64)
    return build(n_outputs)
