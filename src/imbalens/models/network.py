"""What all networks share: maps, their means as features, and a head on these."""

from abc import ABC, abstractmethod
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from imbalens.params.runs import Family

Head = Literal["linear", "cosine"]


class Network(nn.Module, ABC):
    """A convolutional network whose logits come from the means of its last layer's maps.

    Attributes:
        family: Architecture, in the words of analyses.yaml.
        head_name: The head's name among the parameters, as in the public implementation.
        head: Kind of classifier: `nn.Linear`, or `CosineLinear` whose logits are cosines.
        recordable: Whether a step can be recorded once and replayed, see `training.graphs`.
    """

    family: Family
    head_name: str
    recordable = True

    def __init__(self, head: Head) -> None:
        """Note the kind of classifier; the layers are the subclass's."""
        super().__init__()
        self.head: Head = head

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """Compute class logits from normalised images."""
        return self.classify(self.forward_features(images))

    def forward_features(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
        """Compute feature embeddings, the means of the last layer's maps."""
        return _pool(self.forward_maps(images))

    @abstractmethod
    def forward_maps(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d h_maps w_maps"]:
        """Compute the maps of the last convolutional layer, after ReLU."""

    def forward_with_maps(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k h_maps w_maps"], Float[Tensor, "n d"]]:
        """Compute the maps and the feature embeddings that follow from them, in one pass.

        Where gradients are kept, those of the features with respect to the maps are.
        """
        maps = self.forward_maps(images)
        if torch.is_grad_enabled() and not maps.requires_grad:
            maps = maps.detach().requires_grad_()
        return maps, _pool(maps)

    def classify(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Compute class logits from feature embeddings."""
        return self._classifier()(features)

    def head_matrix(self) -> tuple[Float[Tensor, "c d"], Float[Tensor, " c"]]:
        """Return the head as weight and bias, detached.

        Of a cosine head, the rows are unit vectors and the bias is 0: applied to features of unit
        length, they give its logits.
        """
        classifier = self._classifier()
        if isinstance(classifier, CosineLinear):
            weight = functional.normalize(classifier.weight.detach(), dim=0).T
            return weight, weight.new_zeros(len(weight))
        weight, bias = classifier.weight.detach(), classifier.bias
        return weight, weight.new_zeros(len(weight)) if bias is None else bias.detach()

    def _classifier(self) -> "nn.Linear | CosineLinear":
        return cast("nn.Linear | CosineLinear", self.get_submodule(self.head_name))


def _pool(maps: Float[Tensor, "n d h_maps w_maps"]) -> Float[Tensor, "n d"]:
    return maps.mean(dim=(2, 3))


class CosineLinear(nn.Module):
    """Cosines between features and class vectors, the columns of `weight` [d c]."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        """Draw class vectors of unit length from torch's global generator."""
        super().__init__()
        vectors = torch.empty(n_features, n_classes).uniform_(-1, 1)
        self.weight = nn.Parameter(vectors.renorm_(2, 1, 1e-5).mul_(1e5))

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Compute cosines in the weights' precision."""
        # cosines are multiplied by a large scale later, and half precision would show
        with torch.autocast(features.device.type, enabled=False):
            unit_features = functional.normalize(features.to(self.weight.dtype), dim=1)
            return unit_features @ functional.normalize(self.weight, dim=0)
