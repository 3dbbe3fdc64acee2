"""Residual networks for small images, with the public implementation's parameter names."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from imbalens.models.network import CosineLinear, Head, Network


class CifarResNet(Network):
    """Residual network of 3 x 3 stem and three stages of 16, 32 and 64 channels.

    Attributes:
        linear: The classifier, on 64 features.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2, with
    shortcut option A; head and parameter names as in the program of Cao et al., NeurIPS 2019.
    """

    family = "cifar_resnet"
    head_name = "linear"

    def __init__(self, depth: int, n_classes: int, *, head: Head) -> None:
        """Initialise the weights from torch's global generator.

        Args:
            depth: Number of weighted layers: 8, 14, 20, 32, 44, 56 and so on.
            n_classes: Number of logits.
            head: Kind of classifier.

        Raises:
            ValueError: if no network of this kind has that depth.
        """
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth: found {depth}; allowed: 6 k + 2 with k >= 1")
        super().__init__(head)
        n_blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _build_stage(16, 16, n_blocks)
        self.layer2 = _build_stage(16, 32, n_blocks)
        self.layer3 = _build_stage(32, 64, n_blocks)
        self.linear = nn.Linear(64, n_classes) if head == "linear" else CosineLinear(64, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward_maps(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 64 h_maps w_maps"]:
        """Compute the maps of the last convolutional layer, after ReLU."""
        stem = functional.relu(self.bn1(self.conv1(images)))
        return self.layer3(self.layer2(self.layer1(stem)))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut without parameters.

    Where the number of channels grows, the block halves the resolution.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        """Build a block from `n_in` to `n_out` channels."""
        super().__init__()
        self.stride = 1 if n_in == n_out else 2
        self.n_padding = (n_out - n_in) // 2
        self.conv1 = nn.Conv2d(
            n_in, n_out, kernel_size=3, stride=self.stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)

    def forward(self, maps: Float[Tensor, "n k h w"]) -> Float[Tensor, "n k_out h_out w_out"]:
        """Compute the block's maps."""
        inner = functional.relu(self.bn1(self.conv1(maps)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(maps))

    def shortcut(self, maps: Float[Tensor, "n k h w"]) -> Float[Tensor, "n k_out h_out w_out"]:
        """Take every second row and column, with channels of zeros before and after (option A)."""
        if self.stride == 1:
            return maps
        n = self.n_padding
        return functional.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, n, n))


def _build_stage(n_in: int, n_out: int, n_blocks: int) -> nn.Sequential:
    first = BasicBlock(n_in, n_out)
    return nn.Sequential(first, *(BasicBlock(n_out, n_out) for _ in range(n_blocks - 1)))
