"""analyses.yaml: how things are measured, where the papers leave it open too."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imbalens.params.base import (
    MAX_NAMED,
    BatchSize,
    Count,
    Factor,
    Neighbors,
    Resamples,
    Section,
    Seed,
    Split,
)
from imbalens.params.runs import Family

OTHER = "other"  # networks that have no entry of their own

Confidence = Annotated[float, Field(ge=0.5, le=0.9999)]  # at 1 - 1e-16 intervals are infinite


class SaliencyDump(Section):
    """Which class's score is differentiated with respect to the training images."""

    score: Literal["predicted", "true"]


class MapsDump(Section):
    """Maps of the last convolutional layer for the annotated images of a split.

    `layer` names, for networks that have one, another layer whose maps are kept too, for
    concepts. `untrained` adds class activation maps of the same network with random weights, to
    compare with.
    """

    split: Split
    layer: Annotated[dict[Family, str], Field(max_length=MAX_NAMED)]
    untrained: bool


class PerformanceAnalysis(Section):
    """Definitions behind the performance figures."""

    split: Split
    ece_bins: Annotated[int, Field(ge=1, le=1000)]
    many_above: Count
    few_below: Count

    @model_validator(mode="after")
    def _disjoint(self) -> "PerformanceAnalysis":
        if self.few_below > self.many_above + 1:
            raise ValueError("needs few_below <= many_above + 1: no class is both")
        return self


class ArchetypesAnalysis(Section):
    """Same-class neighbours of `n_neighbors` from which an instance is safe, border or rare."""

    n_neighbors: Neighbors
    safe_from: Neighbors
    border_from: Neighbors
    rare_from: Neighbors

    @model_validator(mode="after")
    def _ordered(self) -> "ArchetypesAnalysis":
        if not self.n_neighbors >= self.safe_from > self.border_from > self.rare_from:
            raise ValueError("needs n_neighbors >= safe_from > border_from > rare_from")
        return self


class AdversariesAnalysis(Section):
    """Which instances' neighbours predict which errors."""

    n_neighbors: Neighbors
    instances: Literal["misclassified_by_actual", "misclassified_by_predicted", "all"]
    errors: Literal["by_actual", "by_predicted"]
    split: Split
    eps: Annotated[float, Field(ge=1e-12, le=1)]
    alpha: Factor


class FeatureOverlapAnalysis(Section):
    """How many of the largest mean features stand for a class."""

    top_k: Annotated[int, Field(ge=1, le=10_000)]


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
    examples: Annotated[int, Field(ge=1, le=100)]
    matched_share: Annotated[float, Field(gt=0, lt=1)]


class ConceptsAnalysis(Section):
    """What counts as a concept: a connected part of a channel above its threshold, in a box.

    `q` is the share of a channel's values above it, of each network whose maps are dumped; of
    networks that it does not name, `other`.
    Thresholds are taken over the whole `dataset` or over each `batch` of `batch_size` images; on
    maps as they are (`native`) or `upsampled` to the image. A part counts `whole` or `clipped` by
    the box, its holes too with `count_holes`; sums are per annotated `image` or per `label` of it.
    """

    q: Annotated[dict[Family, Annotated[float, Field(gt=0, lt=1)]], Field(max_length=MAX_NAMED)]
    threshold_scope: Literal["dataset", "batch"]
    batch_size: BatchSize
    space: Literal["native", "upsampled"]
    component: Literal["whole", "clipped"]
    connectivity: Literal[4, 8]
    count_holes: bool
    normalize_by: Literal["image", "label"]

    def q_of(self, network: Family) -> float:
        """Return the share for a network, which it or `other` has."""
        return self.q[network if network in self.q else OTHER]


class CompareAnalysis(Section):
    """How runs are compared with a baseline on the same dataset and network: paired bootstrap.

    A difference is given where at least `min_images` images are behind it.
    """

    confidence: Confidence
    n_resamples: Resamples
    min_images: Annotated[int, Field(ge=2, lt=2**31)]
    seed: Seed


class ClaimsAnalysis(Section):
    """How the papers' claims are judged.

    `margin`: differences of AUROC and AP within it are marginal. `score_margin`: a prediction of
    errors is as good as another if its score, log loss per error in nats, is worse by less.
    `error_margin`: errors that become fewer by a smaller share of them are not lowered. A class
    with `count_ratio` times the training images of another dominates it; classes overlap whose
    top features have at least the Jaccard index `overlapping_jaccard`. Below `min_images` images
    or `min_classes` classes nothing is decided; of differences between runs `compare.min_images`
    counts.
    """

    confidence: Confidence
    margin: Annotated[float, Field(gt=0, lt=1)]
    score_margin: Annotated[float, Field(gt=0, le=100)]
    error_margin: Annotated[float, Field(gt=0, lt=1)]
    count_ratio: Annotated[float, Field(gt=1, le=1e6)]
    overlapping_jaccard: Annotated[float, Field(gt=0, le=1)]
    min_images: Count
    min_classes: Annotated[int, Field(ge=2, le=10_000)]
    n_resamples: Resamples
    seed: Seed


class Pca(Section):
    """The two directions along which features vary most."""

    name: Literal["pca"]


class Umap(Section):
    """A layout that keeps neighbours together; needs the extra `umap`."""

    name: Literal["umap"]
    n_neighbors: Annotated[int, Field(ge=2, le=1000)]
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
    train_images: Annotated[int, Field(ge=1, le=20_000)]
    evaluation_images: Annotated[int, Field(ge=1, le=20_000)]
    neighbor_images: Annotated[int, Field(ge=0, le=20_000)]
    seed: Seed
    thumbnail: Annotated[int, Field(ge=8, le=256)]
    label_errors: Annotated[int, Field(ge=1, le=1000)]


class Analyses(Section):
    """The whole of analyses.yaml: one section per stage, and what several of them share."""

    dump_saliency: SaliencyDump
    dump_maps: MapsDump
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
