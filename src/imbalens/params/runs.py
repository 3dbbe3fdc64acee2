"""Methods: a network with a loss; and runs: a method on a dataset, with a recipe and a seed.

The unions are the only registries of networks and losses: a wrong name lists the right ones.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, JsonValue

from imbalens.params.base import MAX_NAMED, Epoch, Factor, Section, Seed, Share
from imbalens.params.paths import PathText

# what networks with the same layers share in analyses.yaml
Family = Annotated[str, Field(min_length=1, max_length=255)]


class ModelSection(Section):
    """A network, and what is known of it before it is built.

    Each has a `family`, what it shares with networks of the same layers in analyses.yaml, and a
    `min_image_size`, pixels a side from which on its maps are more than a single cell.
    """

    @property
    def weights_file(self) -> str | None:
        """The file of the weights to start from; None where there is none of one's own."""
        return None


class CifarResnet(ModelSection):
    """The residual networks of 3 x 3 stem and 16-32-64 channels."""

    family: ClassVar[Family] = "cifar_resnet"
    min_image_size: ClassVar[int] = 8
    name: Literal["resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56"]


class Resnet50(ModelSection):
    """ResNet-50; `weights`: `imagenet`, `none` or a file to start from."""

    family: ClassVar[Family] = "resnet50"
    min_image_size: ClassVar[int] = 64
    name: Literal["resnet50"]
    weights: PathText

    @property
    def weights_file(self) -> str | None:
        """The file that `weights` names, if any."""
        return _file_of(self.weights)


class Densenet121Truncated(ModelSection):
    """DenseNet-121 without its last two blocks; `weights` as for ResNet-50."""

    family: ClassVar[Family] = "densenet121_truncated"
    min_image_size: ClassVar[int] = 16
    name: Literal["densenet121_truncated"]
    weights: PathText

    @property
    def weights_file(self) -> str | None:
        """The file that `weights` names, if any."""
        return _file_of(self.weights)


class Given(ModelSection):
    """No network: its features and predictions, of a dataset whose source is of these.

    `file` holds them in the form of that source's own, which null takes; `{seed}` in it stands for
    the run's.
    """

    min_image_size: ClassVar[int] = 1
    name: Literal["given"]
    file: PathText | None


_ARCHITECTURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def _check_architecture(text: str) -> str:
    if not _ARCHITECTURE.fullmatch(text):
        raise ValueError("allowed: a name such as resnet18, of letters, digits, _, - and .")
    return text


def _check_factory(text: str) -> str:
    if not _FACTORY.fullmatch(text):
        raise ValueError("allowed: package.module:function, such as networks.mine:build")
    return text


Architecture = Annotated[str, Field(max_length=100), AfterValidator(_check_architecture)]
Factory = Annotated[str, Field(max_length=255), AfterValidator(_check_factory)]
ModuleName = Annotated[str, Field(min_length=1, max_length=255)]  # as in `named_modules`
ArgumentName = Annotated[str, Field(min_length=1, max_length=100)]


class AnyNetworkSection(ModelSection):
    """A network that this package knows nothing of.

    `head` names the linear layer that gives the logits, `maps` the module whose maps are looked
    at; null: found by what the network does with two images, see `models.parts`.
    """

    min_image_size: ClassVar[int] = 1
    head: ModuleName | None
    maps: ModuleName | None


class LibraryNetwork(AnyNetworkSection):
    """A network of a library by its name; `weights` as for ResNet-50."""

    architecture: Architecture
    weights: PathText

    @property
    def family(self) -> Family:
        """The architecture."""
        return self.architecture

    @property
    def weights_file(self) -> str | None:
        """The file that `weights` names, if any."""
        return _file_of(self.weights)


class Torchvision(LibraryNetwork):
    """Any classifier of torchvision."""

    name: Literal["torchvision"]


class Timm(LibraryNetwork):
    """Any classifier of timm, which the extra `timm` installs."""

    name: Literal["timm"]


class Python(AnyNetworkSection):
    """What a function of one's own returns, called with the number of outputs and `arguments`."""

    name: Literal["python"]
    factory: Factory
    arguments: Annotated[dict[ArgumentName, JsonValue], Field(max_length=MAX_NAMED)]

    @property
    def family(self) -> Family:
        """The function."""
        return self.factory


AnyNetwork = Torchvision | Timm | Python

Model = Annotated[
    CifarResnet | Resnet50 | Densenet121Truncated | Torchvision | Timm | Python | Given,
    Field(discriminator="name"),
]


def network_title(model: Model) -> str:
    """Return what a network is called where somebody reads it."""
    match model:
        case Torchvision() | Timm() | Python():
            return model.family
        case _:
            return model.name


Gamma = Annotated[float, Field(ge=0, le=100)]


class Ce(Section):
    """Cross-entropy."""

    name: Literal["ce"]


class WeightedCe(Section):
    """Cross-entropy weighted by inverse class frequency."""

    name: Literal["weighted_ce"]


class Focal(Section):
    """Focal loss, times `scale`; `alpha` weighs positives and is null where classes exclude."""

    name: Literal["focal"]
    gamma: Gamma
    alpha: Annotated[float, Field(ge=1e-6, lt=1)] | None
    scale: Factor


class ClassBalanced(Section):
    """Cross-entropy weighted by the effective number of samples."""

    name: Literal["cb"]
    beta: Share


class Ldam(Section):
    """Label-distribution-aware margins on a cosine classifier."""

    name: Literal["ldam"]
    max_margin: Factor
    scale: Factor


class BalancedSoftmax(Section):
    """Cross-entropy on logits shifted by the log class counts."""

    name: Literal["balanced_softmax"]


class LogitAdjustment(Section):
    """Logits shifted by tau times the log prior, in the loss or after training (`post_hoc`)."""

    name: Literal["logit_adjustment"]
    tau: Factor
    post_hoc: bool


class Bce(Section):
    """Binary cross-entropy per label."""

    name: Literal["bce"]


class Wbce(Section):
    """Weighted binary cross-entropy.

    Positives and negatives of the training split or of each batch are counted (`counts`). With
    `unit_negatives` both weights are divided by that of the negatives.
    """

    name: Literal["wbce"]
    counts: Literal["global", "batch"]
    unit_negatives: bool


class CbFocal(Section):
    """Class-balanced focal loss, times `scale`.

    `normalize_weights` makes the weights of positives and negatives of a label sum to 1.
    """

    name: Literal["cb_focal"]
    beta: Share
    gamma: Gamma
    counts: Literal["global", "batch"]
    normalize_weights: bool
    scale: Factor


class Asymmetric(Section):
    """Asymmetric loss: one focus for positives, one for negatives, whose p is cut by `margin`."""

    name: Literal["asymmetric"]
    gamma_positive: Gamma
    gamma_negative: Gamma
    margin: Share


MulticlassLoss = Ce | WeightedCe | Focal | ClassBalanced | Ldam | BalancedSoftmax | LogitAdjustment

LabelLoss = Bce | Wbce | Focal | CbFocal | Asymmetric

Loss = Annotated[MulticlassLoss | LabelLoss, Field(discriminator="name")]


class Drw(Section):
    """Deferred re-weighting: class-balanced weights from `start_epoch` (0-based) on."""

    start_epoch: Epoch
    beta: Share


class Method(Section):
    """What is trained, a network with a loss.

    `checkpoint` names weights to use instead of training; `{seed}` in it stands for the run's.
    """

    model: Model
    loss: Loss
    drw: Drw | None
    checkpoint: PathText | None


class RunEntry(Section):
    """One training of a method, or use of its checkpoint: a run as it stands in params.yaml.

    With a checkpoint the recipe says nothing but the device.
    """

    method: str
    dataset: str
    recipe: str
    seed: Seed


class Run(RunEntry, Method):
    """A run with what its method says, and with the checkpoint of its seed."""


def resolve(entry: RunEntry, method: Method) -> Run:
    """Return a run together with its method, files those of its seed."""
    run = Run(**dict(method), **dict(entry))
    seed = str(run.seed)
    checkpoint, model = run.checkpoint and run.checkpoint.replace("{seed}", seed), run.model
    if isinstance(model, Given) and model.file is not None:
        model = model.model_copy(update={"file": model.file.replace("{seed}", seed)})
    return run.model_copy(update={"checkpoint": checkpoint, "model": model})


def _file_of(weights: str) -> str | None:
    return None if weights in ("imagenet", "none") else weights
