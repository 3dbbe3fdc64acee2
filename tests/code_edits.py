"""Edits of a copy of the code, as someone makes them who adds a loss or a network."""

from pathlib import Path

BUILD_LOSS = "src/imbalens/losses/build.py"
BUILD_NETWORK = "src/imbalens/models/build.py"
WEIGHTS_TO_START_FROM = "src/imbalens/models/initial_weights.py"
PARAMETERS = "src/imbalens/params/runs.py"
LDAM = "src/imbalens/losses/multiclass.py"

LOSS = '''"""A loss in a module of its own."""

from imbalens.losses.multiclass import cross_entropy

SLOPE = 2.0


def tilted(logits, targets):
    return SLOPE * cross_entropy(logits, targets)
'''
SMALL_NETWORK = '''"""A network in a module of its own."""

from torch import nn

from imbalens.models.network import Network


class Small(Network):
    family = "small"
    head_name = "linear"

    def __init__(self, n_outputs, *, head):
        super().__init__(head)
        self.body, self.linear = nn.Conv2d(3, 8, 3), nn.Linear(8, n_outputs)

    def forward_maps(self, images):
        return self.body(images).relu()
'''


def change_text(path: Path, old: str, new: str) -> None:
    """Replace a text that stands once in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old, text.count(old))
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_loss(root: Path) -> None:
    """Add a loss to the code in `root`, as docs/adding-a-loss.md says, with a head of cosines."""
    (root / "src/imbalens/losses/tilted.py").write_text(LOSS, encoding="utf-8")
    change_text(
        root / PARAMETERS,
        "class Ldam(Section):",
        'class Tilted(Section):\n    name: Literal["tilted"]\n\n\nclass Ldam(Section):',
    )
    change_text(root / PARAMETERS, "MulticlassLoss = Ce |", "MulticlassLoss = Ce | Tilted |")
    build = root / BUILD_LOSS
    change_text(
        build,
        "from imbalens.losses.weights import (",
        "from imbalens.losses.tilted import tilted\nfrom imbalens.losses.weights import (",
    )
    change_text(
        build,
        "        case runs.WeightedCe():",
        "        case runs.Tilted():\n            per_example = tilted\n"
        "        case runs.WeightedCe():",
    )
    change_text(
        build,
        "    match loss:\n        case runs.Ldam():",
        "    match loss:\n        case runs.Tilted():\n            return 2.0\n"
        "        case runs.Ldam():",
    )
    change_text(root / BUILD_NETWORK, "case runs.Ldam():", "case runs.Ldam() | runs.Tilted():")


def add_network(root: Path) -> None:
    """Add a network without published weights to the code in `root`."""
    (root / "src/imbalens/models/small.py").write_text(SMALL_NETWORK, encoding="utf-8")
    change_text(
        root / PARAMETERS,
        "class Resnet50(ModelSection):",
        'class Small(ModelSection):\n    family: ClassVar[Family] = "small"\n'
        "    min_image_size: ClassVar[int] = 8\n"
        '    name: Literal["small"]\n\n\nclass Resnet50(ModelSection):',
    )
    change_text(root / PARAMETERS, "    CifarResnet |", "    CifarResnet | Small |")
    change_text(
        root / BUILD_NETWORK,
        "        case runs.Resnet50():",
        "        case runs.Small():\n"
        "            from imbalens.models.small import Small\n\n"
        "            return Small(n_outputs, head=head)\n"
        "        case runs.Resnet50():",
    )
    change_text(
        root / WEIGHTS_TO_START_FROM,
        "        case runs.CifarResnet()",
        "        case runs.CifarResnet() | runs.Small()",
    )
