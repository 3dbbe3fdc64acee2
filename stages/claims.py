"""Judge the empirical claims of both papers by the results of a dataset's runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from imbalens.analysis.claims.adversary_prediction import judge_adversaries
from imbalens.analysis.claims.cost_sensitive import (
    DIFFERENCE_CLAIMS,
    Comparison,
    judge_differences,
)
from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.ldam import LDAM_CLAIMS, judge_ldam
from imbalens.analysis.claims.overlapping_classes import COLOURS_ALIKE, judge_colours
from imbalens.analysis.claims.prior_shift import prior_shift_sentences
from imbalens.analysis.claims.true_positives import judge_archetypes
from imbalens.analysis.claims.verdicts import Finding, Rules, undecided
from imbalens.params.experiment import Params, baseline_of, repeats
from imbalens.params.runs import Bce, Ce, Ldam, Run
from imbalens.reports import claims_inputs as inputs
from imbalens.reports.claims import (
    claims_markdown,
    claims_metrics,
    claims_table,
    draw_claims,
    sentences_table,
)
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json, write_text
from imbalens.store.prepared import read_metadata


def main(argv: Sequence[str] | None = None) -> None:
    """Write the verdicts as metrics, CSV, Markdown and a figure."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    about, rules = read_metadata(Path(f"data/prepared/{name}.h5")), rules_of(params)
    of_dataset = [run for run, options in params.runs.items() if options.dataset == name]
    findings = [
        *compare_losses(name, params, rules, classes_exclude=about.task == "multiclass"),
        *(finding for run in of_dataset for finding in judge_run(run, params, rules)),
        *compare_ldam(name, params, rules),
    ]
    table, sentences = claims_table(findings), prior_shift_sentences(findings)
    title = dataset_title(name, generated=about.generated)
    plots, figures = Path("plots/claims"), Path("plots/figures/claims")
    write_json(Path(f"metrics/claims/{name}.json"), claims_metrics(findings))
    write_csv(plots / f"{name}.csv", table)
    write_csv(plots / f"{name}-prior_shift.csv", sentences_table(sentences))
    text = claims_markdown(table, dataset=title, sentences=sentences, alpha=rules.alpha)
    write_text(plots / f"{name}.md", text)
    draw_claims(table, figures / f"{name}.png", dataset=title)


def rules_of(params: Params) -> Rules:
    """Return what a verdict asks for."""
    options = params.analyses.claims
    return Rules(
        resampling=Resampling(options.confidence, options.n_resamples, options.seed),
        alpha=1 - params.analyses.compare.confidence,
        margin=options.margin,
        error_margin=options.error_margin,
        min_images=options.min_images,
        min_classes=options.min_classes,
    )


def is_plain(run: Run) -> bool:
    """Whether the run's loss weighs all classes alike."""
    return isinstance(run.loss, Ce | Bce) and run.drw is None


def compare_losses(
    dataset: str, params: Params, rules: Rules, *, classes_exclude: bool
) -> Iterator[Finding]:
    """Yield what the differences from the baseline say about paper A's claims."""
    groups, differences = repeats(params, dataset), inputs.read_differences(dataset)
    weighted = [run for run in groups if not is_plain(params.runs[run])]
    if not weighted:
        reason = "No run of this dataset has a cost-sensitive loss."
        yield from (undecided(item.claim, reason) for item in DIFFERENCE_CLAIMS)
    for run in weighted:
        baseline = baseline_of(params, run)
        members = dict.fromkeys((*groups[run], *groups[baseline]))
        comparison = Comparison(
            run=run,
            baseline=baseline,
            plain=is_plain(params.runs[baseline]),
            differences=differences.get(run, {}),
            unmapped=[name for name in members if name not in params.dumps.maps.runs],
            classes_exclude=classes_exclude,
            positives_fixed=params.analyses.labels.decision == "prevalence",
        )
        yield from judge_differences(comparison, rules=rules)


def judge_run(run: str, params: Params, rules: Rules) -> Iterator[Finding]:
    """Yield what archetypes, adversaries and colours of a run say about paper B's claims."""
    yield from judge_archetypes(run, *inputs.read_archetypes(run), rules=rules)
    kld, kld_fdr = inputs.read_divergences(run)
    yield from judge_adversaries(
        run,
        *inputs.read_adversaries(run),
        kld=kld,
        kld_fdr=kld_fdr,
        eps=params.analyses.adversaries.eps,
        rules=rules,
    )
    if run not in params.dumps.saliency.runs:
        reason = f"No saliency was dumped for {run} (dumps.saliency.runs)."
        yield undecided(COLOURS_ALIKE, reason, run=run)
        return
    names, shares = inputs.read_colours(run)
    overlapping = inputs.read_jaccard(run, names) >= params.analyses.claims.overlapping_jaccard
    yield judge_colours(run, shares, overlapping, rules=rules)


def compare_ldam(dataset: str, params: Params, rules: Rules) -> Iterator[Finding]:
    """Yield what LDAM, against the baseline, says about paper B's claims."""
    groups, options = repeats(params, dataset), params.analyses.claims
    trained = [run for run in groups if isinstance(params.runs[run].loss, Ldam)]
    if not trained:
        reason = "No run of this dataset has LDAM."
        yield from (undecided(claim, reason) for claim in LDAM_CLAIMS)
    for run in trained:
        baseline = baseline_of(params, run)
        if not is_plain(params.runs[baseline]):
            reason = f"The baseline {baseline} does not have the plain loss."
            sides = {"run": run, "baseline": baseline}
            yield from (undecided(claim, reason, **sides) for claim in LDAM_CLAIMS)
            continue
        names, train_counts = inputs.read_train_counts(run)
        yield from judge_ldam(
            inputs.read_repeats(groups[baseline], names),
            inputs.read_repeats(groups[run], names),
            train_counts,
            count_ratio=options.count_ratio,
            overlapping_jaccard=options.overlapping_jaccard,
            rules=rules,
        )


if __name__ == "__main__":
    run_stage(main)
