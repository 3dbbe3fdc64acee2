"""Trainings that differ in their seed alone, through the project's own stages, resumable."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imbalens.analysis.common.measured import Measure
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.measures_of_run import Drawn, measure_run
from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.params.experiment import all_settings
from imbalens.params.loading import load_params
from imbalens.reading import differences as reading

ROOT = Path(__file__).parent.parent
STAGES = {
    # per run, in their order, and what tells that they are done
    "train": "metrics/train/{run}.json",
    "dump_features": "data/dumps/features/{run}.h5",
    "dump_maps": "data/dumps/maps/{run}.h5",
    "adversaries": "metrics/adversaries/{run}.json",
    "cam_alignment": "metrics/cam_alignment/{run}.json",
    "concepts": "metrics/concepts/{run}.json",
}
OF_MAPS = ("dump_maps", "cam_alignment", "concepts")


def train_seeds(folder: Path, seeds: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """Train settings of the shipped experiment with other seeds, and measure what is compared.

    Args:
        folder: Where to work; what is finished there already is not done again.
        seeds: By setting of `params.yaml` the seeds to train it with.

    Returns:
        Per setting the names of its trainings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values, names = read_yaml(ROOT / "params.yaml"), {}
    shipped, mapped = values["runs"], values["dumps"]["maps"]["runs"]
    trainings = all_settings(load_params(ROOT / "params.yaml"))
    for setting, of in seeds.items():
        names[setting] = [f"{setting.replace('/', '-')}-s{seed}" for seed in of]
    values["runs"] = {
        name: {**shipped[trainings[setting][0]], "seed": seed}
        for setting, of in names.items()
        for name, seed in zip(of, seeds[setting], strict=True)
    }
    with_maps = [
        name for setting, of in names.items() if trainings[setting][0] in mapped for name in of
    ]
    values["dumps"] |= {"maps": {"runs": with_maps}, "saliency": {"runs": []}}
    values |= {"false_positives": {}, "baselines": [], "focus": next(iter(names))}
    _keep_used(values)
    (folder / "params.yaml").write_text(format_yaml(values))
    (folder / "analyses.yaml").write_text((ROOT / "analyses.yaml").read_text())
    for dataset in values["datasets"]:
        _run_stage(folder, "prepare", dataset, f"metrics/prepare/{dataset}.json")
    for name in values["runs"]:
        for stage, written in STAGES.items():
            if stage not in OF_MAPS or name in with_maps:
                _run_stage(folder, stage, name, written.format(run=name))
    return names


def measure_seeds(
    folder: Path, names: Sequence[str], *, n_resamples: int | None = None
) -> list[list[Measure]]:
    """Measure trainings of `train_seeds` on the same resampled images.

    Args:
        folder: Where they are.
        names: Trainings of one setting.
        n_resamples: Draws of the images; None for those of `analyses.yaml`.
    """
    before = Path.cwd()
    os.chdir(folder)
    try:
        params = load_params()
        dataset, options = params.runs[names[0]].dataset, params.analyses.compare
        splits, images = (
            reading.splits_of(dataset, params),
            reading.read_images(dataset, params),
        )
        drawn = {
            split: Drawn(
                resample_images(
                    these.n,
                    n_resamples=n_resamples or options.n_resamples,
                    seed=options.seed,
                    patients=these.patients,
                ),
                these.patients,
                options.seed,
            )
            for split, these in images.items()
        }
        return [
            measure_run(
                reading.read_training(name, params),
                drawn[splits.evaluated],
                drawn[splits.judged],
                drawn[splits.annotated] if splits.annotated else None,
                reading.definitions_of(params),
            )
            for name in names
        ]
    finally:
        os.chdir(before)


def _keep_used(values: dict[str, Any]) -> None:
    """Leave out datasets, methods and recipes that no run has."""
    for section, key in (("datasets", "dataset"), ("methods", "method"), ("recipes", "recipe")):
        used = {run[key] for run in values["runs"].values()}
        values[section] = {name: item for name, item in values[section].items() if name in used}


def _run_stage(folder: Path, stage: str, name: str, written: str) -> None:
    if not (folder / written).exists():
        print(f"{stage} {name}", file=sys.stderr)
        subprocess.run(
            [sys.executable, str(ROOT / "stages" / f"{stage}.py"), name], cwd=folder, check=True
        )
