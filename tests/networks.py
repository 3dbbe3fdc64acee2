"""One network of each kind, with fresh weights, for tests that hold of all."""

from imbalens.params import runs

NETWORKS = {
    "resnet8": runs.CifarResnet(name="resnet8"),
    "resnet50": runs.Resnet50(name="resnet50", weights="none"),
    "densenet": runs.Densenet121Truncated(name="densenet121_truncated", weights="none"),
}


def torchvision(architecture, **given):
    values = {"weights": "none", "head": None, "maps": None} | given
    return runs.Torchvision(name="torchvision", architecture=architecture, **values)


def timm(architecture, **given):
    values = {"weights": "none", "head": None, "maps": None} | given
    return runs.Timm(name="timm", architecture=architecture, **values)


def own(function, **given):
    """A network of `tests/own_networks.py`."""
    values = {"arguments": {}, "head": None, "maps": None} | given
    return runs.Python(name="python", factory=f"tests.own_networks:{function}", **values)


ANY = {"torchvision": torchvision("resnet18"), "timm": timm("resnet10t"), "own": own("build")}
