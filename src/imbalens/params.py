"""The experiment: every choice in params.yaml, typed, strict and frozen.

The tagged unions here are the only registries of sources, imbalances, losses and networks: a
wrong name lists the right ones. `python -m imbalens.params [FILE]` validates a file alone.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imbalens.core.files import InputError
from imbalens.params_errors import explain, tags

PARAMS_PATH = Path("params.yaml")
SIDES = ("baseline", "other")  # of a comparison of two runs

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]  # DVC: no dots
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Split = Literal["train", "val", "test"]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


# --- datasets ------------------------------------------------------------------------------


class Planted(Section):
    """Generated images whose difficulties are planted and recorded (see data/planted.py)."""

    name: Literal["planted"]
    train_per_class: Count
    test_per_class: Count
    mislabelled: Share
    subconcept: Share
    seed: Seed


class Folder(Section):
    """Images of one's own: `root/train/<class>/*`, `root/test/<class>/*`.

    `root` may name environment variables as $NAME. `digest` is what `prepare` reports: it covers
    the images as selected, split and resized. When given, another one is an error, be it due to
    other files under `root` or to another image_size, imbalance or validation.
    """

    name: Literal["folder"]
    root: str
    digest: str | None


class Arrays(Section):
    """An .npz or HDF5 file with train_images, train_labels, test_images, test_labels.

    `digest` is as for folders.
    """

    name: Literal["arrays"]
    path: str
    digest: str | None


class Cifar(Section):
    """CIFAR-10 or CIFAR-100 through torchvision."""

    name: Literal["cifar10", "cifar100"]
    root: str
    download: bool


class Multilabel(Section):
    """One output per finding; `include_no_finding` adds the label "No Finding" as a 15th."""

    name: Literal["multilabel"]
    include_no_finding: bool


class Binary(Section):
    """One output: unhealthy, that is any finding."""

    name: Literal["binary"]


ChestTask = Annotated[Multilabel | Binary, Field(discriminator="name")]


class PatientSplit(Section):
    """Share of images, in whole patients, that are test images where no official lists are."""

    test_share: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed


class Nih(Section):
    """NIH ChestX-ray14 as it is shipped, or a part of it (see data/nih.py).

    `root` may name environment variables as $NAME. Images that the tables or lists name and that
    are absent are counted; with `require_complete` they are an error. `split` serves where `root`
    lacks the official lists. `digest` is as for folders.
    """

    name: Literal["nih"]
    root: str
    task: ChestTask
    require_complete: bool
    split: PatientSplit
    digest: str | None


class PhantomCxr(Section):
    """Generated chest images with labels, patients and boxes of a sample of the real NIH table.

    Half of the test images, as far as there are any, have boxes.
    """

    name: Literal["phantom_cxr"]
    task: ChestTask
    train_images: Count
    test_images: Count
    seed: Seed


Source = Annotated[
    Planted | Folder | Arrays | Cifar | Nih | PhantomCxr, Field(discriminator="name")
]


class Selection(Section):
    """Which images of a class stay: the field's published choice, or a numpy Generator's."""

    name: Literal["published", "seeded"]
    seed: Seed


class Exp(Section):
    """Class sizes fall exponentially from `n_max` (null: all of the first class) by `ratio`."""

    kind: Literal["exp"]
    ratio: Annotated[float, Field(ge=1)]
    n_max: Count | None
    selection: Selection


class Step(Section):
    """The first half of the classes keeps `n_max` images, the rest `n_max / ratio`."""

    kind: Literal["step"]
    ratio: Annotated[float, Field(ge=1)]
    n_max: Count | None
    selection: Selection


class Natural(Section):
    """Whatever the source holds, at most `n_max` images per class (null: all)."""

    kind: Literal["natural"]
    n_max: Count | None
    selection: Selection


class CapNegatives(Section):
    """Of labels: images without any finding go until no label has more than `n_max` negatives."""

    kind: Literal["cap_negatives"]
    n_max: Count
    seed: Seed


class ThinPositives(Section):
    """Of labels: positives go until each label has `ratio` negatives per positive."""

    kind: Literal["thin_positives"]
    ratio: Annotated[float, Field(ge=1)]
    seed: Seed


ClassImbalance = Exp | Step | Natural
LabelImbalance = Natural | CapNegatives | ThinPositives
Imbalance = Annotated[ClassImbalance | LabelImbalance, Field(discriminator="kind")]


class Validation(Section):
    """A share of every class's training images set aside, for model selection."""

    share: Share
    seed: Seed


class Normalization(Section):
    """Channel means and standard deviations of images scaled to [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
    ]


class Dataset(Section):
    """One dataset; `normalization: null` computes it from the training images.

    `image_size` is a side in pixels, at most 256: saliency ranks have 16 bits, which number the
    65,536 pixels of such an image.
    """

    source: Source
    image_size: Annotated[int, Field(ge=8, le=256)]
    imbalance: Imbalance
    validation: Validation
    normalization: Normalization | None


# --- runs ----------------------------------------------------------------------------------


class CifarResnet(Section):
    """The residual networks of 3 x 3 stem and 16-32-64 channels."""

    name: Literal["resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56"]


class Resnet50(Section):
    """ResNet-50; `weights`: `imagenet`, `none` or a file to start from."""

    name: Literal["resnet50"]
    weights: str


class Densenet121Truncated(Section):
    """DenseNet-121 without its last two blocks; `weights` as for ResNet-50."""

    name: Literal["densenet121_truncated"]
    weights: str


Model = Annotated[CifarResnet | Resnet50 | Densenet121Truncated, Field(discriminator="name")]


class Ce(Section):
    """Cross-entropy."""

    name: Literal["ce"]


class WeightedCe(Section):
    """Cross-entropy weighted by inverse class frequency."""

    name: Literal["weighted_ce"]


class Focal(Section):
    """Focal loss, times `scale`; `alpha` weighs positives and is null where classes exclude."""

    name: Literal["focal"]
    gamma: Annotated[float, Field(ge=0)]
    alpha: Annotated[float, Field(gt=0, lt=1)] | None
    scale: Annotated[float, Field(gt=0)]


class ClassBalanced(Section):
    """Cross-entropy weighted by the effective number of samples."""

    name: Literal["cb"]
    beta: Share


class Ldam(Section):
    """Label-distribution-aware margins on a cosine classifier."""

    name: Literal["ldam"]
    max_margin: Annotated[float, Field(gt=0)]
    scale: Annotated[float, Field(gt=0)]


class BalancedSoftmax(Section):
    """Cross-entropy on logits shifted by the log class counts."""

    name: Literal["balanced_softmax"]


class LogitAdjustment(Section):
    """Logits shifted by tau times the log prior, in the loss or after training (`post_hoc`)."""

    name: Literal["logit_adjustment"]
    tau: Annotated[float, Field(gt=0)]
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
    gamma: Annotated[float, Field(ge=0)]
    counts: Literal["global", "batch"]
    normalize_weights: bool
    scale: Annotated[float, Field(gt=0)]


class Asymmetric(Section):
    """Asymmetric loss: one focus for positives, one for negatives, whose p is cut by `margin`."""

    name: Literal["asymmetric"]
    gamma_positive: Annotated[float, Field(ge=0)]
    gamma_negative: Annotated[float, Field(ge=0)]
    margin: Share


MulticlassLoss = Ce | WeightedCe | Focal | ClassBalanced | Ldam | BalancedSoftmax | LogitAdjustment
LabelLoss = Bce | Wbce | Focal | CbFocal | Asymmetric
Loss = Annotated[MulticlassLoss | LabelLoss, Field(discriminator="name")]


class Drw(Section):
    """Deferred re-weighting: class-balanced weights from `start_epoch` (0-based) on."""

    start_epoch: Annotated[int, Field(ge=0)]
    beta: Share


class Run(Section):
    """One training; `checkpoint` names weights to use instead of training."""

    dataset: str
    model: Model
    loss: Loss
    drw: Drw | None
    recipe: str
    seed: Seed
    checkpoint: str | None


# --- recipes -------------------------------------------------------------------------------


class Sgd(Section):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Annotated[float, Field(gt=0)]
    momentum: Share
    weight_decay: Annotated[float, Field(ge=0)]


class Adam(Section):
    """Adam."""

    name: Literal["adam"]
    lr: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]


Optimizer = Annotated[Sgd | Adam, Field(discriminator="name")]


class Milestone(Section):
    """From this epoch (0-based) on, the learning rate is `factor` times the base rate."""

    epoch: Annotated[int, Field(ge=0)]
    factor: Annotated[float, Field(gt=0)]


class Steps(Section):
    """Linear warm-up, then the factor of the latest milestone."""

    name: Literal["steps"]
    warmup_epochs: Annotated[int, Field(ge=0)]
    milestones: tuple[Milestone, ...]


class Cosine(Section):
    """Linear warm-up, then a half cosine down to zero."""

    name: Literal["cosine"]
    warmup_epochs: Annotated[int, Field(ge=0)]


Schedule = Annotated[Steps | Cosine, Field(discriminator="name")]


class Augmentation(Section):
    """Random crop after zero padding by `crop_padding` pixels, horizontal flip, and jitter.

    Brightness and contrast are multiplied by factors from 1 - b to 1 + b.
    """

    crop_padding: Annotated[int, Field(ge=0)]
    flip: bool
    brightness: Share
    contrast: Share


class Recipe(Section):
    """How a network is trained; mixed precision (`auto`) is used on GPUs only."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    augmentation: Augmentation
    precision: Literal["auto", "float32"]
    device: Literal["auto", "cpu", "cuda", "mps"]
    model_selection: Literal["last", "best_validation"]


# --- dumps and analyses --------------------------------------------------------------------


class SaliencyDump(Section):
    """Which class's score is differentiated with respect to the training images of which runs."""

    score: Literal["predicted", "true"]
    runs: tuple[str, ...]


class Layers(Section):
    """Name of a layer, by network; null for none."""

    cifar_resnet: str | None
    resnet50: str | None
    densenet121_truncated: str | None


class MapsDump(Section):
    """Maps of the last convolutional layer for the annotated images of a split, of which runs.

    `layer` names another layer whose maps are kept too, for concepts. `untrained` adds class
    activation maps of the same network with random weights, to compare with.
    """

    split: Split
    layer: Layers
    untrained: bool
    runs: tuple[str, ...]


class Dumps(Section):
    """What the trained networks are asked for; maps are written at least 16 images at a time."""

    batch_size: Count
    device: Literal["auto", "cpu", "cuda", "mps"]
    saliency: SaliencyDump
    maps: MapsDump


class PerformanceAnalysis(Section):
    """Definitions behind the performance figures."""

    split: Split
    ece_bins: Count
    many_above: Count
    few_below: Count

    @model_validator(mode="after")
    def _disjoint(self) -> "PerformanceAnalysis":
        if self.few_below > self.many_above + 1:
            raise ValueError("needs few_below <= many_above + 1: no class is both")
        return self


class ArchetypesAnalysis(Section):
    """Same-class neighbours of `n_neighbors` from which an instance is safe, border or rare."""

    n_neighbors: Count
    safe_from: Count
    border_from: Count
    rare_from: Count

    @model_validator(mode="after")
    def _ordered(self) -> "ArchetypesAnalysis":
        if not self.n_neighbors >= self.safe_from > self.border_from > self.rare_from:
            raise ValueError("needs n_neighbors >= safe_from > border_from > rare_from")
        return self


class AdversariesAnalysis(Section):
    """Which instances' neighbours predict which errors."""

    n_neighbors: Count
    instances: Literal["misclassified_by_actual", "misclassified_by_predicted", "all"]
    errors: Literal["by_actual", "by_predicted"]
    split: Split
    eps: Annotated[float, Field(gt=0)]
    random_seed: Seed


class FeatureOverlapAnalysis(Section):
    """How many of the largest mean features stand for a class."""

    top_k: Count


class SaliencyColoursAnalysis(Section):
    """Share of the most salient pixels of each training image whose colours are counted."""

    fraction: Annotated[float, Field(gt=0, le=1)]


class LabelsAnalysis(Section):
    """When an image counts as having a label: several labels can apply to it, or none.

    `half`: a probability above 0.5; `prevalence`: as many training images as have the label.
    """

    decision: Literal["half", "prevalence"]


class CamAlignmentAnalysis(Section):
    """How class activation maps are made and compared with boxes.

    `threshold` adds the hard measures, of maps cut at that value, between 0 and 1.
    `shift_seed` places the boxes at random, to compare with. `examples` are drawn. At matched
    scale the share `matched_share` of the pixels of each class's maps is kept.
    """

    relu: bool
    normalize_before_resize: bool
    threshold: Annotated[float, Field(gt=0, le=1)] | None
    shift_seed: Seed
    examples: Count
    matched_share: Annotated[float, Field(gt=0, lt=1)]


class Quantiles(Section):
    """Share of a channel's values above its threshold, by network."""

    cifar_resnet: Annotated[float, Field(gt=0, lt=1)]
    resnet50: Annotated[float, Field(gt=0, lt=1)]
    densenet121_truncated: Annotated[float, Field(gt=0, lt=1)]


class ConceptsAnalysis(Section):
    """What counts as a concept: a connected part of a channel above its threshold, in a box.

    Thresholds are taken over the whole `dataset` or over each `batch` of `batch_size` images; on
    maps as they are (`native`) or `upsampled` to the image. A part counts `whole` or `clipped` by
    the box, its holes too with `count_holes`; sums are per annotated `image` or per `label` of it.
    """

    q: Quantiles
    threshold_scope: Literal["dataset", "batch"]
    batch_size: Count
    space: Literal["native", "upsampled"]
    component: Literal["whole", "clipped"]
    connectivity: Literal[4, 8]
    count_holes: bool
    normalize_by: Literal["image", "label"]


class CompareAnalysis(Section):
    """How runs are compared with a baseline on the same dataset and network: paired bootstrap.

    `baselines` names one run per dataset and network; where it names none, the first is taken. A
    difference is given where at least `min_images` images are behind it.
    """

    baselines: tuple[Name, ...]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    n_resamples: Annotated[int, Field(ge=100)]
    min_images: Annotated[int, Field(ge=2)]
    seed: Seed


class ClaimsAnalysis(Section):
    """How the papers' claims are judged.

    `margin`: differences of AUROC and AP within it are marginal. `error_margin`: errors whose
    share falls by less are not lowered. A class with `count_ratio` times the training images of
    another dominates it; classes overlap whose top features have at least the Jaccard index
    `overlapping_jaccard`. Below `min_images` images or `min_classes` classes nothing is decided.
    """

    confidence: Annotated[float, Field(ge=0.5, lt=1)]
    margin: Annotated[float, Field(gt=0, lt=1)]
    error_margin: Annotated[float, Field(gt=0, lt=1)]
    count_ratio: Annotated[float, Field(gt=1)]
    overlapping_jaccard: Annotated[float, Field(gt=0, le=1)]
    min_images: Count
    min_classes: Annotated[int, Field(ge=2)]
    n_resamples: Annotated[int, Field(ge=100)]
    seed: Seed


class Pca(Section):
    """The two directions along which features vary most."""

    name: Literal["pca"]


class Umap(Section):
    """A layout that keeps neighbours together; needs the extra `umap`."""

    name: Literal["umap"]
    n_neighbors: Annotated[int, Field(ge=2, lt=2**31)]
    min_dist: Annotated[float, Field(ge=0, le=1)]
    seed: Seed


class ExploreAnalysis(Section):
    """What the pages to look at images show.

    All training images have a part in neighbours, embedding and label errors; `train_images` and
    `evaluation_images` of them, chosen with `seed`, are points of the map, at most
    `neighbor_images` further ones have their picture shown beside a point. Pictures are at most
    `thumbnail` pixels wide. `label_errors` candidates are listed per run.
    """

    embedding: Annotated[Pca | Umap, Field(discriminator="name")]
    train_images: Count
    evaluation_images: Count
    neighbor_images: Annotated[int, Field(ge=0, lt=2**31)]
    seed: Seed
    thumbnail: Annotated[int, Field(ge=8, le=256)]
    label_errors: Count


class Analyses(Section):
    """One section per analysis stage, and what several of them share."""

    labels: LabelsAnalysis

    performance: PerformanceAnalysis
    archetypes: ArchetypesAnalysis
    adversaries: AdversariesAnalysis
    feature_overlap: FeatureOverlapAnalysis
    saliency_colours: SaliencyColoursAnalysis
    cam_alignment: CamAlignmentAnalysis
    concepts: ConceptsAnalysis
    compare: CompareAnalysis
    claims: ClaimsAnalysis
    explore: ExploreAnalysis


class FalsePositives(Section):
    """Two runs whose errors around one class are drawn side by side.

    `reference: actual` counts where images of the class go, `predicted` which classes are taken
    for it.
    """

    baseline: str
    other: str
    reference: Literal["actual", "predicted"]
    reference_class: str


class Params(Section):
    """The whole experiment."""

    focus: str
    datasets: dict[Name, Dataset]
    runs: dict[Name, Run]
    recipes: dict[Name, Recipe]
    dumps: Dumps
    analyses: Analyses
    false_positives: dict[Name, FalsePositives]


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and validate an experiment.

    Args:
        path: A YAML file such as params.yaml.

    Raises:
        InputError: naming the file, every wrong key, what was found and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); copy one of profiles/ here"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    try:
        raw = yaml.load(text, Loader=_Loader)
        # JSON mode is strict about types and still takes a sequence where a tuple is meant
        params = Params.model_validate_json(json.dumps(raw))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from error
    except ValidationError as error:
        problems = [explain(item, Params) for item in error.errors()]
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems)) from None
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: holds something other than texts, numbers, lists and mappings ({error})"
        ) from error
    problems = [
        *_check_references(params),
        *_check_epochs(params),
        *_check_validation(params),
        *_check_tasks(params),
        *_check_sizes(params),
        *_check_dumps(params),
        *_check_repeats(params),
    ]
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return params


class _Loader(yaml.SafeLoader):
    """YAML with 1e-4 as a number, as DVC reads it; a repeated key or a date is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # cannot be hashed, which the base class reports
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def refuse_date(self, node: yaml.Node) -> None:
        raise yaml.constructor.ConstructorError(
            None, None, f"found the date {node.value}; write it in quotes", node.start_mark
        )


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.refuse_date)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _check_references(params: Params) -> list[str]:
    """Names that lead nowhere, and comparisons that are none."""
    problems: list[str] = []

    def known(key: str, name: str, among: dict[str, Any]) -> bool:
        if name not in among:
            problems.append(f"{key}: found {name!r}; allowed: {', '.join(among)}")
        return name in among

    known("focus", params.focus, params.runs)
    for name, run in params.runs.items():
        key = f"runs.{name}"
        known(f"{key}.dataset", run.dataset, params.datasets)
        known(f"{key}.recipe", run.recipe, params.recipes)
    for name, pair in params.false_positives.items():
        key = f"false_positives.{name}"
        both = [known(f"{key}.{side}", getattr(pair, side), params.runs) for side in SIDES]
        if all(both):
            if pair.baseline == pair.other:
                problems.append(
                    f"{key}: baseline and other are both {pair.other!r}; name two runs"
                )
            if params.runs[pair.baseline].dataset != params.runs[pair.other].dataset:
                problems.append(f"{key}: the two runs are of different datasets")
            dataset = params.datasets.get(params.runs[pair.baseline].dataset)
            if dataset and has_labels(dataset):
                problems.append(
                    f"{key}: the runs' dataset has several labels per image, of which none is "
                    "taken for another; name two runs whose images have one class each"
                )
    return problems


def _check_epochs(params: Params) -> list[str]:
    """Epochs that a training never reaches, so that a setting would be without effect."""
    found: list[tuple[str, int, str]] = []
    for name, recipe in params.recipes.items():
        key, schedule = f"recipes.{name}.schedule", recipe.schedule
        found.append((f"{key}.warmup_epochs", schedule.warmup_epochs, name))
        stones = schedule.milestones if isinstance(schedule, Steps) else ()
        found += [(f"{key}.milestones.{i}.epoch", s.epoch, name) for i, s in enumerate(stones)]
    for name, run in params.runs.items():
        if run.drw and run.recipe in params.recipes:
            found.append((f"runs.{name}.drw.start_epoch", run.drw.start_epoch, run.recipe))
    return [
        f"{key}: found {epoch}; allowed: below the {params.recipes[recipe].epochs} epochs of "
        f"recipes.{recipe}"
        for key, epoch, recipe in found
        if epoch >= params.recipes[recipe].epochs
    ]


def _check_validation(params: Params) -> list[str]:
    """Uses of a validation part that a run's dataset does not have."""
    problems: list[str] = []
    splits = {
        name: getattr(params.analyses, name).split for name in ("performance", "adversaries")
    }
    for name, run in params.runs.items():
        dataset, recipe = params.datasets.get(run.dataset), params.recipes.get(run.recipe)
        if not dataset or dataset.validation.share > 0:
            continue
        without = f"but datasets.{run.dataset}.validation.share is 0; set a share or use"
        if recipe and recipe.model_selection == "best_validation":
            key = f"recipes.{run.recipe}.model_selection"
            problems.append(f"{key}: found 'best_validation', {without} 'last'")
        problems += [
            f"analyses.{analysis}.split: found 'val', {without} 'train' or 'test'"
            for analysis, split in splits.items()
            if split == "val"
        ]
        if params.dumps.maps.split == "val" and name in params.dumps.maps.runs:
            problems.append(f"dumps.maps.split: found 'val', {without} 'train' or 'test'")
    return list(dict.fromkeys(problems))  # runs share datasets and recipes


def _check_tasks(params: Params) -> list[str]:
    """Losses, imbalances and dumps that do not belong to a dataset's task."""
    problems: list[str] = []
    for name, dataset in params.datasets.items():
        key, kind = f"datasets.{name}.imbalance", dataset.imbalance.kind
        if has_labels(dataset):
            if kind in ("exp", "step"):
                allowed = "natural, cap_negatives, thin_positives"
                problems.append(f"{key}.kind: found {kind!r}; allowed for labels: {allowed}")
            elif isinstance(dataset.imbalance, Natural) and dataset.imbalance.n_max is not None:
                problems.append(f"{key}.n_max: found {dataset.imbalance.n_max}; allowed: null")
        elif kind in ("cap_negatives", "thin_positives"):
            problems.append(f"{key}.kind: found {kind!r}; allowed: exp, step, natural")
    for name, run in params.runs.items():
        dataset = params.datasets.get(run.dataset)
        if dataset is None:
            continue
        key, labels = f"runs.{name}", has_labels(dataset)
        family = LabelLoss if labels else MulticlassLoss
        if not isinstance(run.loss, family):
            allowed = [tag for loss in get_args(family) for tag in tags(loss)]
            problems.append(
                f"{key}.loss.name: found {run.loss.name!r}; allowed for dataset "
                f"{run.dataset!r}: {', '.join(allowed)}"
            )
        elif isinstance(run.loss, Focal) and (run.loss.alpha is None) == labels:
            allowed = "a number between 0 and 1" if labels else "null"
            problems.append(f"{key}.loss.alpha: found {run.loss.alpha}; allowed: {allowed}")
        if labels and run.drw:
            problems.append(f"{key}.drw: allowed for dataset {run.dataset!r}: null")
    return problems


def _check_sizes(params: Params) -> list[str]:
    """Images so small that a network's maps are a single cell."""
    smallest = {Resnet50: 64, Densenet121Truncated: 16}
    return [
        f"datasets.{run.dataset}.image_size: found {dataset.image_size}; allowed: at least "
        f"{smallest[type(run.model)]} for {run.model.name}, the network of run {name!r}"
        for name, run in params.runs.items()
        if (dataset := params.datasets.get(run.dataset))
        and dataset.image_size < smallest.get(type(run.model), 0)
    ]


def _check_dumps(params: Params) -> list[str]:
    """Runs that a dump is wanted of and that cannot have it."""
    problems: list[str] = []
    for kind, runs in (("saliency", params.dumps.saliency.runs), ("maps", params.dumps.maps.runs)):
        key = f"dumps.{kind}.runs"
        problems += [
            f"{key}: found {name!r} twice; name each run once"
            for name in dict.fromkeys(runs)
            if runs.count(name) > 1
        ]
        for name in dict.fromkeys(runs):
            if name not in params.runs:
                allowed = ", ".join(params.runs)
                problems.append(f"{key}: found {name!r}; allowed: {allowed}")
                continue
            dataset = params.datasets.get(params.runs[name].dataset)
            if not dataset:
                continue
            if kind == "saliency" and has_labels(dataset):
                problems.append(
                    f"{key}: found {name!r}, whose dataset has several labels per image; "
                    "colours are of classes that exclude each other"
                )
            if kind == "maps" and not isinstance(dataset.source, Planted | Nih | PhantomCxr):
                problems.append(
                    f"{key}: found {name!r}, whose source {dataset.source.name!r} has no boxes; "
                    "allowed: runs on planted, phantom_cxr and nih"
                )
            elif kind == "maps" and has_labels(dataset) and params.dumps.maps.split != "test":
                split = params.dumps.maps.split
                problems.append(
                    f"dumps.maps.split: found {split!r}; allowed: 'test', where the boxes of "
                    f"dataset {params.runs[name].dataset!r} are"
                )
    return problems


def _check_repeats(params: Params) -> list[str]:
    """Baselines that are no run or one too many, and runs that are the same twice."""
    problems: list[str] = []
    sides: dict[tuple[str, str], str] = {}
    for name in params.analyses.compare.baselines:
        key = f"analyses.compare.baselines: found {name!r}"
        if name not in params.runs:
            problems.append(f"{key}; allowed: {', '.join(params.runs)}")
            continue
        first = sides.setdefault(_side(params.runs[name]), name)
        if first != name:
            problems.append(f"{key} and {first!r}, of the same dataset and network; name one")
    seen: dict[str, str] = {}
    for name, run in params.runs.items():
        first = seen.setdefault(run.model_dump_json(), name)
        if first != name:
            problems.append(
                f"runs.{name}: is the same as runs.{first}; give it another seed, or remove it"
            )
    return problems


def repeats(params: Params, dataset: str) -> dict[str, tuple[str, ...]]:
    """Group the runs of a dataset that differ in nothing but their seed.

    Weights of one's own are of a seed too: runs may differ in the checkpoint they start from.

    Returns:
        Per group the names of its runs, under that of the first.
    """
    groups: dict[str, list[str]] = {}
    for name, run in params.runs.items():
        if run.dataset == dataset:
            rest = run.model_copy(update={"seed": 0, "checkpoint": run.checkpoint and "given"})
            groups.setdefault(rest.model_dump_json(), []).append(name)
    return {names[0]: tuple(names) for names in groups.values()}


def baseline_of(params: Params, run: str) -> str:
    """Return the run that `run` is compared with, the first of its repeats."""
    side = _side(params.runs[run])
    others = [name for name, other in params.runs.items() if _side(other) == side]
    named = [name for name in params.analyses.compare.baselines if name in others]
    groups = repeats(params, params.runs[run].dataset)
    return next(first for first, names in groups.items() if (named or others)[0] in names)


def _side(run: Run) -> tuple[str, str]:
    """What two runs share whose difference is due to how they were trained."""
    return run.dataset, run.model.model_dump_json()


def has_labels(dataset: Dataset) -> bool:
    """Whether an image of the dataset can have several labels, or none."""
    return isinstance(dataset.source, Nih | PhantomCxr)


def main() -> None:
    """Validate a file and say so."""
    parser = argparse.ArgumentParser(description="Validate an experiment's parameters.")
    parser.add_argument("path", nargs="?", type=Path, default=PARAMS_PATH)
    path = parser.parse_args().path
    params = load_params(path)
    print(f"{path}: valid ({len(params.datasets)} datasets, {len(params.runs)} runs)")


if __name__ == "__main__":
    try:
        main()
    except InputError as problem:
        sys.exit(f"error: {problem}")
