"""From a network's parameters to the network."""

from typing import assert_never

from imbalens.models.cifar_resnet import CifarResNet
from imbalens.models.network import Head, Network
from imbalens.params import runs


def build_model(model: runs.Model, loss: runs.Loss, n_outputs: int) -> Network:
    """Build a network with fresh weights, with the head that the loss needs.

    Weights to start from, where the parameters name some, are `initialize`'s to load.

    Args:
        model: The network's parameters.
        loss: The loss it is for: LDAM works on cosines, all others on linear logits.
        n_outputs: Number of logits.
    """
    head: Head = "cosine" if isinstance(loss, runs.Ldam) else "linear"
    if isinstance(model, runs.CifarResnet):
        return CifarResNet(int(model.name.removeprefix("resnet")), n_outputs, head=head)
    # imported late: torchvision takes seconds, which runs of small networks need not spend
    from imbalens.models.torchvision_networks import ResNet50, TruncatedDenseNet121

    match model:
        case runs.Resnet50():
            return ResNet50(n_outputs, head=head)
        case runs.Densenet121Truncated():
            return TruncatedDenseNet121(n_outputs, head=head)
        case _:
            assert_never(model)
