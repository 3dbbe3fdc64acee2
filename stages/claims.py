"""Judge the empirical claims of both papers by the results of a dataset's runs."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.claims.judging import judge_claims
from imbalens.analysis.claims.prior_shift import prior_shift_sentences
from imbalens.reading.claims import read_comparisons, read_ldam, read_run, rules_of
from imbalens.reports.claims import (
    claims_markdown,
    claims_metrics,
    claims_table,
    draw_claims,
    sentences_table,
)
from imbalens.reports.common.titles import dataset_title
from imbalens.store.files import write_json, write_text
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.claims import CLAIMS, PRIOR_SHIFT


def main(argv: Sequence[str] | None = None) -> None:
    """Write the verdicts as metrics, CSV, Markdown and a figure."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    about, rules = read_metadata(Path(f"data/prepared/{name}.h5")), rules_of(params)
    findings = judge_claims(
        read_comparisons(name, params, task=about.task, trained=about.n_train > 0),
        [read_run(run, params) for run, of in params.runs.items() if of.dataset == name],
        read_ldam(name, params),
        count_ratio=params.analyses.claims.count_ratio,
        overlapping_jaccard=params.analyses.claims.overlapping_jaccard,
        rules=rules,
    )
    table, sentences = claims_table(findings), prior_shift_sentences(findings)
    title = dataset_title(name, generated=about.generated)
    write_json(Path(f"metrics/claims/{name}.json"), claims_metrics(findings))
    write_table(CLAIMS, name, table)
    write_table(PRIOR_SHIFT, name, sentences_table(sentences))
    text = claims_markdown(table, dataset=title, sentences=sentences, alpha=rules.alpha)
    write_text(Path(f"plots/claims/{name}.md"), text)
    draw_claims(table, Path(f"plots/figures/claims/{name}.png"), dataset=title)


if __name__ == "__main__":
    run_stage(main)
