"""One network of each kind, with fresh weights, for tests that hold of all."""

from imbalens.params import runs

NETWORKS = {
    "resnet8": runs.CifarResnet(name="resnet8"),
    "resnet50": runs.Resnet50(name="resnet50", weights="none"),
    "densenet": runs.Densenet121Truncated(name="densenet121_truncated", weights="none"),
}
