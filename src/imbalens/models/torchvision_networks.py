"""ResNet-50 and a truncated DenseNet-121, from torchvision and with its parameter names.

Importing this module imports torchvision, which takes seconds.
"""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import resnet50

from imbalens.models.network import CosineLinear, Head, Network

_BLOCKS = (6, 12)  # DenseNet-121's first two dense blocks, in layers


class ResNet50(Network):
    """ResNet-50: 7 x 7 maps of 2048 channels from images of 224 x 224 pixels.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, with stride in the
    3 x 3 convolutions as in torchvision.
    """

    family = "resnet50"
    head_name = "fc"

    def __init__(self, n_outputs: int, *, head: Head) -> None:
        """Draw torchvision's initial weights from torch's global generator.

        Args:
            n_outputs: Number of logits.
            head: Kind of classifier.
        """
        super().__init__(head)
        whole = resnet50(num_classes=n_outputs)
        self.conv1 = whole.conv1
        self.bn1 = whole.bn1
        self.relu = whole.relu
        self.maxpool = whole.maxpool
        self.layer1 = whole.layer1
        self.layer2 = whole.layer2
        self.layer3 = whole.layer3
        self.layer4 = whole.layer4
        self.fc = whole.fc if head == "linear" else CosineLinear(2048, n_outputs)

    def forward_maps(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 2048 h_maps w_maps"]:
        """Compute the maps of the last convolutional layer, after ReLU."""
        stem = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(stem))))


class TruncatedDenseNet121(Network):
    """DenseNet-121 up to its second dense block: 28 x 28 maps of 512 channels at 224 pixels.

    The last two dense blocks are dropped, and with them all transitions after the second block;
    a batch normalisation of 512 channels, `features.norm5`, and a ReLU follow it instead.

    Source: paper A, section 4; Huang et al., Densely Connected Convolutional Networks, CVPR 2017.
    """

    family = "densenet121_truncated"
    head_name = "classifier"

    def __init__(self, n_outputs: int, *, head: Head) -> None:
        """Draw torchvision's initial weights from torch's global generator.

        Args:
            n_outputs: Number of logits.
            head: Kind of classifier.
        """
        super().__init__(head)
        # torchvision's class takes any number of blocks, and its hint says four
        blocks = cast("tuple[int, int, int, int]", _BLOCKS)
        whole = DenseNet(growth_rate=32, block_config=blocks, num_classes=n_outputs)
        self.features = whole.features
        self.features.add_module("relu5", nn.ReLU(inplace=True))
        self.classifier = whole.classifier if head == "linear" else CosineLinear(512, n_outputs)

    def forward_maps(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 512 h_maps w_maps"]:
        """Compute the maps of the second dense block, normalised, after ReLU."""
        return self.features(images)
