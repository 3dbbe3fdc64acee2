"""From a network's parameters to the network."""

from imbalens import params
from imbalens.models.cifar_resnet import CifarResNet


def build_model(model: params.CifarResnet, loss: params.Loss, n_classes: int) -> CifarResNet:
    """Build a network with fresh weights, with the head that the loss needs.

    Args:
        model: The network's parameters.
        loss: The loss it is for: LDAM works on cosines, all others on linear logits.
        n_classes: Number of logits.
    """
    depth = int(model.name.removeprefix("resnet"))
    head = "cosine" if isinstance(loss, params.Ldam) else "linear"
    return CifarResNet(depth, n_classes, head=head)
