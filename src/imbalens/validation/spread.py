"""Measure how far numbers of equal experiments lie apart; write which of them are headlines.

Recomputes HEAD under other numbers of threads, other kernels of torch and other training seeds.
The largest difference of a number from the committed one, over a dataset's runs and all variants,
times `multiple`, is its tolerance. It is a headline if that is less than half of what at least one
loss changes of it.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from imbalens.params.dvc_yaml import format_yaml, read_yaml
from imbalens.params.experiment import Params
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.store.files import write_json, write_text
from imbalens.validation import repository as git
from imbalens.validation.rules import (
    RULES,
    Rules,
    largest_effects,
    load_rules,
    place_of,
    tells_losses_apart,
)
from imbalens.validation.summary import short_table
from imbalens.validation.values import read_values

SEEDS = (1, 2, 3)
APART = 1000  # what is added to the seeds of one experiment to make those of the next
MACHINES = {
    f"{threads} threads, {kernels or 'native'}": {
        "OMP_NUM_THREADS": str(threads),
        **({"ATEN_CPU_CAPABILITY": kernels} if kernels else {}),
    }
    for threads in (1, 2)
    for kernels in (None, "avx2", "default")
}
WORK = Path("work/spread")  # a variant that was measured is not computed again
HEAD_OF_RULES = """\
# The rules of `make validate` (docs/validation.md). Headlines are measured and written by
# imbalens validate measure; on a pull request those of its base count.
"""
WIDTH = 99


def measure(root: Path, variants: Sequence[str], *, jobs: int) -> str:
    """Recompute under variants and write the headlines; return a Markdown table of what was found.

    Args:
        root: Folder of the repository.
        variants: Keys of `MACHINES`, or `seed N`.
        jobs: Variants at a time.
    """
    root = root.resolve()
    rules, params = load_rules(root), load_params(root / PARAMS_PATH)
    committed = read_values(root / "metrics")
    digest = hashlib.sha256(json.dumps(committed).encode()).hexdigest()[:12]
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda name: compute_variant(root, name, digest), variants)
        measured = list(tqdm(found, desc="variants", total=len(variants)))
    rules, table = derive(rules, committed, measured, params)
    write_text(root / RULES, format_rules(rules))
    return table


def compute_variant(root: Path, name: str, digest: str) -> dict[str, object]:
    """Return the metrics of HEAD computed under a variant, or those of an earlier call.

    Args:
        root: Folder of the repository.
        name: Of the variant, see `measure`.
        digest: Of the committed metrics: what was measured of others says nothing of these.
    """
    stored = root / WORK / f"{name.replace(', ', '-').replace(' ', '_')}-{digest}.json"
    if not stored.exists():
        seed = name.removeprefix("seed ") if name.startswith("seed ") else None
        environment = MACHINES["1 threads, native"] if seed else MACHINES[name]
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            git.clone(root, clone)
            if seed:
                set_seeds(clone / PARAMS_PATH, int(seed))
            git.recompute(clone, environment=environment)
            write_json(stored, read_values(clone / "metrics"))
    return json.loads(stored.read_text(encoding="utf-8"))


def set_seeds(path: Path, seed: int) -> None:
    """Train every run with another seed, further trainings of a setting with others than it."""
    values = read_yaml(path)
    for run in values["runs"].values():
        run["seed"] = run.get("seed", 0) + APART * seed
    write_text(path, format_yaml(values))


def derive(
    rules: Rules,
    committed: Mapping[str, object],
    measured: Sequence[Mapping[str, object]],
    params: Params,
) -> tuple[Rules, str]:
    """Return rules with the headlines that measured variants give, and a table of all candidates.

    Args:
        rules: Whose multiple and candidates count.
        committed: Metrics in git, `stage/run.json:key` to value.
        measured: Metrics of each variant.
        params: The experiment.
    """
    headlines: dict[str, dict[str, float]] = {}
    too_wide: dict[str, tuple[str, ...]] = {}
    rows = []
    effects = largest_effects(committed, params, rules.candidates)
    for dataset, of_dataset in effects.items():
        runs = [name for name, run in params.runs.items() if run.dataset == dataset]
        held = headlines.setdefault(dataset, {})
        for measure, effect in of_dataset.items():
            spread = largest_move([place_of(measure, run) for run in runs], committed, measured)
            tolerance = float(f"{rules.multiple * spread:.3g}")
            is_headline = tells_losses_apart(tolerance, effect)
            if is_headline:
                held[measure] = tolerance
            numbers = (f"{number:.3g}" for number in (spread, tolerance, effect))
            rows.append((dataset, measure, *numbers, "yes" if is_headline else "no"))
        too_wide[dataset] = tuple(name for name in of_dataset if name not in held)
    head = ("dataset", "measure", "spread", "tolerance", "largest effect", "headline")
    chosen = {"headlines": headlines, "too_wide": too_wide}
    return rules.model_copy(update=chosen), short_table(head, rows, shown=len(rows))


def largest_move(
    places: Sequence[str],
    committed: Mapping[str, object],
    measured: Sequence[Mapping[str, object]],
) -> float:
    """Return the largest difference of any of some numbers from the committed one.

    What is a number on one side only has moved without limit.
    """
    moves = [0.0]
    for place in places:
        before = committed.get(place)
        for metrics in measured:
            now = metrics.get(place)
            if isinstance(before, float | int) and isinstance(now, float | int):
                moves.append(abs(now - before))
            elif before != now:
                moves.append(float("inf"))
    return max(moves)


def format_rules(rules: Rules) -> str:
    """Return the text of rules.yaml: one line per headline, lists in as few lines as they take."""
    values = rules.model_dump(mode="json")
    parts = [HEAD_OF_RULES]
    for key, value in values.items():
        # None: lists and mappings of single values on one line
        flow = False if key == "headlines" or not isinstance(value, dict | list) else None
        parts.append(format_yaml({key: value}, flow=flow, width=WIDTH))
    return "".join(parts)
