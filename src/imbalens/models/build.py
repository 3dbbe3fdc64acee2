"""From a network's parameters to the network.

What is done for one network or loss alone stands in a `match`, as in `losses.build`.
"""

from typing import assert_never

from imbalens.models.network import Head, Network
from imbalens.params import runs


def build_model(
    model: runs.Model, loss: runs.Loss, n_outputs: int, *, image_size: int | None = None
) -> Network:
    """Build a network with fresh weights, with the head that the loss needs.

    Weights to start from, where the parameters name some, are `initialize`'s to load.

    Args:
        model: The network's parameters.
        loss: The loss it is for, see `head_of`.
        n_outputs: Number of logits.
        image_size: Side of the images that it will see, in pixels. Only networks of others need
            it, whose parts are found by trying them.

    Raises:
        InputError: if a network of others cannot be built, or used as `AnyNetwork` says.
    """
    head = head_of(loss)
    # imported late: torchvision takes seconds, which runs of small networks need not spend
    match model:
        case runs.CifarResnet():
            from imbalens.models.cifar_resnet import CifarResNet

            return CifarResNet(int(model.name.removeprefix("resnet")), n_outputs, head=head)
        case runs.Resnet50():
            from imbalens.models.torchvision_networks import ResNet50

            return ResNet50(n_outputs, head=head)
        case runs.Densenet121Truncated():
            from imbalens.models.torchvision_networks import TruncatedDenseNet121

            return TruncatedDenseNet121(n_outputs, head=head)
        case runs.Torchvision() | runs.Timm() | runs.Python():
            from imbalens.models.any_network import AnyNetwork
            from imbalens.models.bodies import build_body

            if image_size is None:
                raise ValueError(f"{model.family}: needs image_size")
            return AnyNetwork(
                build_body(model, n_outputs), model, n_outputs, head=head, image_size=image_size
            )
        case runs.Given():
            raise ValueError("features and predictions that are given have no network")
        case _:
            assert_never(model)


def head_of(loss: runs.Loss) -> Head:
    """Return the kind of classifier: LDAM works on cosines, all others on linear logits."""
    match loss:
        case runs.Ldam():
            return "cosine"
        case _:
            return "linear"
