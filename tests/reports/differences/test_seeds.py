import numpy as np

from imbalens.analysis.common.measured import Measure
from imbalens.reports.differences.seeds import COLUMNS, seeds_metrics, seeds_table


def measures(auroc, iobb):
    """One training; the second row is a replicate."""
    each = np.array([[0.1, 0.2], [0.3, 0.4]])
    return [
        Measure(
            "performance",
            "auroc",
            None,
            np.array([[auroc], [9.0]]),
            np.array([40]),
            averaged=2,
        ),
        Measure("performance", "auroc", ("a", "b"), each, np.array([20, 40])),
        Measure("cam_alignment", "iobb", None, np.array([[iobb], [9.0]]), np.array([40])),
    ]


MEASURED = {
    "base": [measures(0.5, 0.25), measures(0.75, np.nan)],
    "run": [measures(1.0, 0.125)],
}
SEEDS = {"base": {"base": 0, "base-1": 7}, "run": {"run": 3}}


def test_one_row_per_training_and_measure_over_all_classes():
    table = seeds_table(MEASURED, SEEDS)
    assert tuple(table.columns) == COLUMNS
    assert table.to_csv(index=False).splitlines()[1:] == [
        "base,base,0,performance,auroc,0.5,2",
        "base,base,0,cam_alignment,iobb,0.25,",
        "base,base-1,7,performance,auroc,0.75,2",
        "base,base-1,7,cam_alignment,iobb,,",
        "run,run,3,performance,auroc,1.0,2",
        "run,run,3,cam_alignment,iobb,0.125,",
    ]


def test_mean_and_spread_of_repeated_runs_only():
    found = seeds_metrics(seeds_table(MEASURED, SEEDS))
    auroc = found["seeds"]["base"]["performance"]["auroc"]
    assert auroc == {"mean": 0.625, "spread": np.std([0.5, 0.75], ddof=1)}
    undefined = found["seeds"]["base"]["cam_alignment"]["iobb"]
    assert np.isnan([undefined["mean"], undefined["spread"]]).all()
    assert list(found["seeds"]) == ["base"]


def test_without_repeats_there_are_no_metrics():
    once = {"run": MEASURED["run"]}
    assert seeds_metrics(seeds_table(once, SEEDS)) == {}
    assert seeds_metrics(seeds_table({}, {})) == {}
