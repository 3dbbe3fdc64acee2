"""Judge the empirical claims of both papers by the results of a dataset's runs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from imbalens.analysis.archetypes import ARCHETYPE_NAMES
from imbalens.analysis.claims import adversary_prediction as prediction
from imbalens.analysis.claims import overlapping_classes as overlap
from imbalens.analysis.claims import true_positives as positives
from imbalens.analysis.claims.cost_sensitive import (
    DIFFERENCE_CLAIMS,
    MATCHED,
    Difference,
    DifferenceClaim,
    judge_difference,
)
from imbalens.analysis.claims.intervals import Estimate, Resampling
from imbalens.analysis.claims.prior_shift import prior_shift_sentences
from imbalens.analysis.claims.verdicts import Claim, Finding, judge, undecided
from imbalens.core.files import read_table, write_csv, write_json, write_text
from imbalens.core.stage import parse_stage, pick, run_stage
from imbalens.params import (
    Bce,
    Ce,
    ClaimsAnalysis,
    Ldam,
    Params,
    PhantomCxr,
    Planted,
    Run,
    baseline_of,
    repeats,
)
from imbalens.reports.claims import claims_markdown, claims_metrics, claims_table, draw_claims

NO_PLAIN = "No run has the plain loss and the same network."
MAPPED = ("cam_alignment", "concepts")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the verdicts as metrics, CSV, Markdown and a figure."""
    name, params = parse_stage(__doc__, "dataset", argv)
    source = pick(params.datasets, "datasets", name).source
    title = f"{name} (generated images)" if isinstance(source, Planted | PhantomCxr) else name
    runs = {run: options for run, options in params.runs.items() if options.dataset == name}
    findings = [
        *judge_cost_sensitive(name, runs, params),
        *(finding for run in runs for finding in judge_archetypes(run, params.analyses.claims)),
        *(finding for run in runs for finding in judge_adversaries(run, params)),
        *(judge_colours(run, params) for run in runs),
        *judge_ldam(runs, params.analyses.claims),
    ]
    table = claims_table(findings)
    write_json(Path(f"metrics/claims/{name}.json"), claims_metrics(findings))
    plots, figures = Path("plots/claims"), Path("plots/figures/claims")
    write_csv(plots / f"{name}.csv", table)
    text = claims_markdown(table, dataset=title, sentences=prior_shift_sentences(findings))
    write_text(plots / f"{name}.md", text)
    draw_claims(table, figures / f"{name}.png", dataset=title)


def judge_cost_sensitive(
    dataset: str, runs: Mapping[str, Run], params: Params
) -> Iterator[Finding]:
    """Yield what the differences from the baseline say about paper A's claims."""
    path = Path(f"plots/differences/{dataset}.csv")
    table = read_table(path, command=f"dvc repro differences@{dataset}")
    table = table[table["class"] == ""].set_index(["run", "stage", "measure"])
    rows = {key: row for key, row in table.iterrows() if isinstance(key, tuple)}
    groups = repeats(params, dataset)
    pairs = {run: baseline_of(params, run) for run in groups if not is_plain(runs[run])}
    options = params.analyses.claims
    for item in DIFFERENCE_CLAIMS:
        if item.measure.endswith(MATCHED) and item.measure not in {key[2] for key in rows}:
            continue
        if not pairs:
            yield undecided(item.claim, "No run of this dataset has a cost-sensitive loss.")
        for run, baseline in pairs.items():
            row = rows.get((run, item.stage, item.measure))
            if row is None or not is_plain(runs[baseline]):
                reason = why_absent(item, run, baseline, path, params)
                yield undecided(item.claim, reason, run=run, baseline=baseline)
            else:
                yield judge_difference(
                    item,
                    as_difference(row),
                    run=run,
                    baseline=baseline,
                    margin=options.margin,
                    min_images=options.min_images,
                )


def is_plain(run: Run) -> bool:
    """Whether the run's loss weighs all classes alike."""
    return isinstance(run.loss, Ce | Bce) and run.drw is None


def why_absent(item: DifferenceClaim, run: str, baseline: str, path: Path, params: Params) -> str:
    """Say why there is no difference to judge a claim by."""
    if not is_plain(params.runs[baseline]):
        return f"The baseline {baseline} does not have the plain loss."
    unmapped = [name for name in (run, baseline) if name not in params.dumps.maps.runs]
    if item.stage in MAPPED and unmapped:
        return f"dumps.maps.runs does not name {unmapped[0]}."
    return f"{path} has no {item.measure} of {item.stage} for {run}."


def as_difference(row: "pd.Series") -> Difference:
    """Return a row of the table of differences as numbers."""
    columns = ["difference", "low", "high", "p", "p_adjusted", "images", "seeds"]
    value, low, high, p, adjusted, *counts = pd.to_numeric(row[columns]).tolist()
    images, seeds = (0 if np.isnan(count) else int(count) for count in counts)
    return Difference(Estimate(value, low, high, images, p), adjusted, seeds)


def judge_archetypes(run: str, options: ClaimsAnalysis) -> Iterator[Finding]:
    """Yield what a run's archetypes say about paper B's claims."""
    table = read_table(
        Path(f"plots/archetypes/{run}.csv"), command=f"dvc repro archetypes@{run}"
    ).astype({"count": int, "true_positives": int})
    sums = table.groupby("archetype")[["count", "true_positives"]].sum()
    counts, right = sums.reindex(ARCHETYPE_NAMES, fill_value=0).to_numpy().T
    share = positives.true_positives_share(right, confidence=options.confidence)
    yield settle(positives.TRUE_POSITIVES_SHARE, share, run, options)
    lead = positives.true_positive_rates_lead(counts, right, confidence=options.confidence)
    yield settle(positives.TRUE_POSITIVE_RATES, lead, run, options)


def judge_adversaries(run: str, params: Params) -> Iterator[Finding]:
    """Yield what a run's nearest adversaries say about paper B's claims."""
    options, eps = params.analyses.claims, params.analyses.adversaries.eps
    resampling, command = resampling_of(options), f"dvc repro adversaries@{run}"
    table = read_table(Path(f"plots/adversaries/{run}.csv"), command=command)
    names = table["class"].unique().tolist()
    errors, near = (
        square(table[table["kind"] == kind], names, "class", "adversary", "share")
        for kind in ("errors", "neighbours")
    )
    rivals = read_table(Path(f"plots/adversaries/{run}-predictors.csv"), command=command)
    fdr = float(pd.to_numeric(rivals.set_index("predictor")["kld"])["FDR"])
    random = prediction.adversaries_beat_random(errors, near, eps=eps, resampling=resampling)
    yield settle(prediction.BEAT_RANDOM, random, run, options)
    rank = prediction.adversaries_rank_errors(errors, near, resampling)
    yield settle(prediction.RANK_ERRORS, rank, run, options)
    match = prediction.adversaries_match_fdr(
        errors, near, fdr_kld=fdr, eps=eps, resampling=resampling
    )
    yield settle(prediction.MATCH_FDR, match, run, options)


def judge_colours(run: str, params: Params) -> Finding:
    """Return what the colours of a run's classes say about paper B's claim."""
    options = params.analyses.claims
    if run not in params.dumps.saliency.runs:
        reason = f"dumps.saliency.runs does not name {run}."
        return undecided(overlap.COLOURS_ALIKE, reason, run=run)
    table = read_table(
        Path(f"plots/saliency_colours/{run}.csv"), command=f"dvc repro saliency_colours@{run}"
    )
    salient = table[table["archetype"] == "all"]
    colours = salient.pivot(index="class", columns="group", values="share")
    shares = colours.apply(pd.to_numeric).to_numpy(dtype=np.float64)
    alike = overlap.contrast_overlapping(
        overlap.colour_distance(shares),
        read_jaccard(run, list(colours.index)) >= options.overlapping_jaccard,
        resampling_of(options),
    )
    return settle(overlap.COLOURS_ALIKE, alike, run, options)


def judge_ldam(runs: Mapping[str, Run], options: ClaimsAnalysis) -> Iterator[Finding]:
    """Yield what runs with LDAM say about paper B's claims, each against a plain run."""
    claims = (overlap.LOWERS_DOMINATED, overlap.LEAVES_OVERLAPPING, overlap.LEAVES_OVERLAP)
    trained = [run for run in runs if isinstance(runs[run].loss, Ldam)]
    if not trained:
        yield from (undecided(claim, "No run of this dataset has LDAM.") for claim in claims)
    for run in trained:
        plain = [o for o in runs if is_plain(runs[o]) and runs[o].model == runs[run].model]
        if not plain:
            yield from (undecided(claim, NO_PLAIN, run=run) for claim in claims)
            continue
        baseline = min(plain, key=lambda other: runs[other].seed != runs[run].seed)
        command = f"dvc repro performance@{run}"
        table = read_table(Path(f"plots/performance/{run}.csv"), command=command)
        names = table["class"].tolist()
        before, after = (read_confusion(each, names) for each in (baseline, run))
        overlapping = read_jaccard(baseline, names) >= options.overlapping_jaccard
        larger = overlap.larger_classes(
            table["train_count"].astype(int).to_numpy(), count_ratio=options.count_ratio
        )
        estimates = (
            overlap.change_of_errors(
                before, after, larger & ~overlapping, confidence=options.confidence
            ),
            overlap.change_of_errors(
                before, after, larger & overlapping, confidence=options.confidence
            ),
            overlap.contrast_overlapping(
                read_jaccard(run, names), overlapping, resampling_of(options)
            ),
        )
        for claim, estimate in zip(claims, estimates, strict=True):
            yield settle(claim, estimate, run, options, baseline=baseline)


def settle(
    claim: Claim, estimate: Estimate, run: str, options: ClaimsAnalysis, *, baseline: str = ""
) -> Finding:
    """Judge one of paper B's claims with the threshold and the minimum that apply to it."""
    return judge(
        claim,
        estimate,
        run=run,
        baseline=baseline,
        threshold=-options.error_margin if claim.threshold is None else claim.threshold,
        minimum=options.min_classes if claim.unit == "classes" else options.min_images,
    )


def resampling_of(options: ClaimsAnalysis) -> Resampling:
    """Return how intervals are made by resampling."""
    return Resampling(options.confidence, options.n_resamples, options.seed)


def read_confusion(run: str, names: list[str]) -> np.ndarray:
    """Return images by actual and predicted class."""
    path = Path(f"plots/performance/{run}-confusion.csv")
    table = read_table(path, command=f"dvc repro performance@{run}")
    return square(table, names, "actual", "predicted", "count").astype(np.int64)


def read_jaccard(run: str, names: list[str]) -> Float[np.ndarray, "c c"]:
    """Return the share of top features that classes have in common."""
    path = Path(f"plots/feature_overlap/{run}-pairs.csv")
    table = read_table(path, command=f"dvc repro feature_overlap@{run}")
    return square(table, names, "class", "other", "jaccard")


def square(
    table: pd.DataFrame, names: list[str], rows: str, columns: str, value: str
) -> Float[np.ndarray, "c c"]:
    """Return a column of a table of pairs as a matrix; the diagonal is 0 where it is absent."""
    wide = table.pivot(index=rows, columns=columns, values=value).reindex(names, columns=names)
    matrix = wide.apply(pd.to_numeric).to_numpy(dtype=np.float64, copy=True)
    absent = np.eye(len(names), dtype=bool) & np.isnan(matrix)
    return np.where(absent, 0.0, matrix)


if __name__ == "__main__":
    run_stage(main)
