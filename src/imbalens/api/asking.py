"""What stages ask of a run's features, asked of those that users give."""

from dataclasses import replace
from typing import Any

from imbalens.analysis.adversaries.adversaries import adversaries
from imbalens.analysis.archetypes.archetypes import archetypes
from imbalens.analysis.feature_overlap import feature_overlap
from imbalens.analysis.performance.performance import performance
from imbalens.api.analysis import Told
from imbalens.api.outputs import Outputs
from imbalens.reports import adversaries as adversaries_report
from imbalens.reports import archetypes as archetypes_report
from imbalens.reports import feature_overlap as overlap_report
from imbalens.reports.common.not_applicable import not_applicable
from imbalens.reports.performance import tables as performance_report
from imbalens.tables import adversaries as adversary_tables
from imbalens.tables import archetypes as archetype_tables
from imbalens.tables import feature_overlap as overlap_tables
from imbalens.tables import performance as performance_tables


def tell_performance(
    given: Outputs, *, ece_bins: int, many_above: int, few_below: int, min_images: int
) -> Told:
    """Measure how well the evaluation images are told apart, as stage `performance` does."""
    seen, reason = given.evaluation, _lacking(given)
    if seen.scores is None or reason:
        return Told(not_applicable(reason))
    found = performance(
        *(seen.scores, seen.targets, given.label_counts, given.label_names),
        thresholds=given.thresholds,
        n_bins=ece_bins,
        many_above=many_above,
        few_below=few_below,
        min_images=min_images,
    )
    report, declared = performance_report, performance_tables
    return Told(
        report.performance_metrics(found, None),
        (
            (declared.CLASSES, report.performance_table(found, given.label_counts)),
            (declared.CONFUSION, report.confusion_table(found, given.class_counts)),
        ),
    )


def tell_archetypes(given: Outputs, **cuts: int) -> Told:
    """Judge training images and find prototypes, as stage `archetypes` does.

    Without predictions, true positives are empty. Groups are a further column of instances.
    """
    train, about = given.train, (given.class_names, given.class_counts)
    seen, names = (train.classes, train.predictions), given.names(train)
    found = archetypes(train.features, *seen, n_classes=len(given.class_names), **cuts)
    report, declared = archetypes_report, archetype_tables
    instances = report.instance_table(found, *seen, train.index, names, given.class_names)
    of_instances = declared.INSTANCES
    if given.about.groups is not None:
        groups = [given.about.groups[index] for index in instances["index"]]
        instances[declared.GROUP.name] = groups
        of_instances = replace(of_instances, columns=(*of_instances.columns, declared.GROUP))
    prototypes = report.prototype_table(found.prototypes, train.index, names, *about)
    return Told(
        report.archetype_metrics(found, given.class_names),
        (
            (declared.ARCHETYPES, report.archetype_table(found.table, *about)),
            (of_instances, instances),
            (declared.PROTOTYPES, prototypes),
        ),
    )


def tell_adversaries(given: Outputs, **options: Any) -> Told:  # noqa: ANN401 - analyses.yaml's
    """Compare nearest adversaries with errors, as stage `adversaries` does."""
    train, unseen, reason = given.train, given.evaluation, _lacking(given)
    if train.predictions is None or unseen.predictions is None or reason:
        return Told(not_applicable(reason))
    found = adversaries(
        *(train.features, train.classes, train.predictions),
        *(unseen.classes, unseen.predictions),
        n_classes=len(given.class_names),
        known=train.known,
        **options,
    )
    about, report = (given.class_names, given.class_counts), adversaries_report
    declared = adversary_tables
    return Told(
        report.adversary_metrics(found, given.class_names),
        (
            (declared.ADVERSARIES, report.share_table(found, *about)),
            (declared.PREDICTORS, report.predictor_table(found.scores)),
            (declared.CLASS_SCORES, report.class_score_table(found, *about)),
        ),
    )


def tell_feature_overlap(given: Outputs, *, top_k: int) -> Told:
    """Find the features that classes share, as stage `feature_overlap` does."""
    train, about = given.train, (given.class_names, given.class_counts)
    if top_k > train.features.shape[1]:
        reason = f"the largest {top_k} of {train.features.shape[1]} features cannot be taken"
        return Told(not_applicable(reason))
    found = feature_overlap(
        train.features, train.classes, n_classes=len(given.class_names), top_k=top_k
    )
    report, declared = overlap_report, overlap_tables
    return Told(
        report.feature_overlap_metrics(found, *about),
        (
            (declared.TOP_FEATURES, report.top_feature_table(found.top, *about)),
            (declared.PAIRS, report.overlap_table(found, *about)),
        ),
    )


def _lacking(given: Outputs) -> str:
    """Say what there is not to judge predictions of unseen images; empty if there is all."""
    if given.train.scores is None:
        return "there are neither logits nor probabilities"
    return "" if len(given.evaluation.index) else f"no image is of the split {given.split!r}"
