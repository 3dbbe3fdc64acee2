"""What is wrong with an experiment although each of its parts is right."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

from imbalens.params.analyses import OTHER, Umap
from imbalens.params.dataset_checks import find_dataset_problems
from imbalens.params.datasets import Natural
from imbalens.params.errors import listed, shown, shown_text, tags
from imbalens.params.experiment import Experiment, Params, all_settings, side_of
from imbalens.params.given_checks import find_given_problems
from imbalens.params.recipes import Steps
from imbalens.params.runs import Focal, Given, LabelLoss, MulticlassLoss, network_title

SIDES = ("baseline", "other")  # of a comparison of two runs


def find_unknown_methods(experiment: Experiment) -> list[str]:
    """Return the runs' methods that there are not."""
    allowed = listed(experiment.methods)
    return [
        f"runs.{name}.method: found {shown(run.method)}; allowed: {allowed}"
        for name, run in experiment.runs.items()
        if run.method not in experiment.methods
    ]


def find_problems(params: Params) -> list[str]:
    """Return what does not fit together in params.yaml, each with its key and what is allowed."""
    return [
        *_check_names(params),
        *_check_references(params),
        *_check_epochs(params),
        *_check_validation(params),
        *_check_tasks(params),
        *_check_sizes(params),
        *find_dataset_problems(params.datasets),
        *_check_padding(params),
        *_check_dumps(params),
        *_check_settings(params),
        *_check_doubles(params),
        *find_given_problems(params),
    ]


def find_analysis_problems(params: Params) -> list[str]:
    """Return what of analyses.yaml does not fit the experiment."""
    return [*_check_splits(params), *_check_networks(params), *_check_fraction(params)]


def find_image_problems(params: Params, name: str, summary: Mapping[str, Any]) -> list[str]:
    """Return what an experiment asks of a dataset's images that they do not have.

    Args:
        params: The experiment.
        name: Of the dataset.
        summary: What `prepare` says of it: `counts` per split and class, `images` per split.
    """
    n_images = summary["images"].get("train", 0)  # none: nothing asks for neighbours
    classes = next(iter(summary["counts"].values()))
    analyses = params.analyses
    neighbors = {
        "archetypes": analyses.archetypes.n_neighbors,
        "adversaries": analyses.adversaries.n_neighbors,
    }
    if isinstance(analyses.explore.embedding, Umap):
        neighbors["explore.embedding"] = analyses.explore.embedding.n_neighbors
    runs = [run for run, given in params.runs.items() if given.dataset == name]
    return [
        f"analyses.yaml: {key}.n_neighbors: found {n}; allowed: below the {n_images} "
        f"training images of dataset {name!r}"
        for key, n in neighbors.items()
        if runs and n >= n_images > 0
    ] + [
        f"false_positives.{key}.reference_class: found {shown(pair.reference_class)}; "
        f"allowed: {listed(map(shown_text, classes))}"
        for key, pair in params.false_positives.items()
        if pair.baseline in runs and pair.reference_class not in classes
    ]


def _check_names(params: Params) -> list[str]:
    """Names that would overwrite each other's files where case does not count."""
    problems: list[str] = []
    for section in ("datasets", "methods", "runs", "recipes", "false_positives"):
        seen: dict[str, str] = {}
        for name in getattr(params, section):
            first = seen.setdefault(name.lower(), name)
            if first != name:
                problems.append(
                    f"{section}.{name}: differs from {section}.{first} in case only, and Windows "
                    "and macOS keep their files under one name; rename one"
                )
    return problems


def _check_references(params: Params) -> list[str]:
    """Names that lead nowhere, and comparisons that are none."""
    problems: list[str] = []

    def known(key: str, name: str, among: dict[str, Any]) -> bool:
        if name not in among:
            problems.append(f"{key}: found {shown(name)}; allowed: {listed(among)}")
        return name in among

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
            if dataset and dataset.source.several_labels:
                problems.append(
                    f"{key}: the runs' dataset has several labels per image, of which none is "
                    "taken for another; name two runs whose images have one class each"
                )
    return problems


def _check_epochs(params: Params) -> list[str]:
    """Epochs that a training never reaches, so that a setting would be without effect."""
    found: dict[tuple[str, str], int] = {}
    for name, recipe in params.recipes.items():
        key, schedule = f"recipes.{name}.schedule", recipe.schedule
        found[f"{key}.warmup_epochs", name] = schedule.warmup_epochs
        stones = schedule.milestones if isinstance(schedule, Steps) else ()
        found |= {(f"{key}.milestones.{i}.epoch", name): s.epoch for i, s in enumerate(stones)}
    for run in params.runs.values():
        if run.drw and run.recipe in params.recipes:
            found[f"methods.{run.method}.drw.start_epoch", run.recipe] = run.drw.start_epoch
    return [
        f"{key}: found {epoch}; allowed: below the {params.recipes[recipe].epochs} epochs of "
        f"recipes.{recipe}"
        for (key, recipe), epoch in found.items()
        if epoch >= params.recipes[recipe].epochs
    ]


def _check_validation(params: Params) -> list[str]:
    """Validation parts that a source or a dataset does not have."""
    problems = [
        f"datasets.{name}.validation.share: found null; allowed for source "
        f"{dataset.source.name!r}: a number, for it sets no images aside itself"
        for name, dataset in params.datasets.items()
        if dataset.validation.share is None and not dataset.source.may_set_aside
    ]
    for run in params.runs.values():
        dataset, recipe = params.datasets.get(run.dataset), params.recipes.get(run.recipe)
        if not dataset or dataset.validation.share != 0:
            continue
        if recipe and recipe.model_selection == "best_validation":
            problems.append(
                f"recipes.{run.recipe}.model_selection: found 'best_validation', but "
                f"datasets.{run.dataset}.validation.share is 0; set a share, "
                "null where the source has validation images, or use 'last'"
            )
    return list(dict.fromkeys(problems))  # runs share datasets and recipes


def _check_splits(params: Params) -> list[str]:
    """Splits that analyses look at and that a run's dataset does not have, or has no boxes of."""
    problems: list[str] = []
    analyses = params.analyses
    for name, run in params.runs.items():
        splits = {
            "performance": analyses.performance.split,
            "adversaries": analyses.adversaries.split,
        }
        if name in params.dumps.maps.runs:
            splits["dump_maps"] = analyses.dump_maps.split
        dataset = params.datasets.get(run.dataset)
        if dataset and dataset.validation.share == 0:
            problems += [
                f"{section}.split: found 'val', but datasets.{run.dataset}.validation.share is 0; "
                "set a share, null where the source has validation images, or use 'train' or "
                "'test'"
                for section, split in splits.items()
                if split == "val"
            ]
        labels = dataset is not None and dataset.source.several_labels
        if labels and splits.get("dump_maps", "test") != "test":
            problems.append(
                f"dump_maps.split: found {splits['dump_maps']!r}; allowed: 'test', where the "
                f"boxes of dataset {run.dataset!r} are"
            )
    return list(dict.fromkeys(problems))  # runs share datasets


def _check_networks(params: Params) -> list[str]:
    """Networks whose maps are dumped, and of which analyses.yaml does not say how to see them."""
    families = {
        model.family: name
        for name in reversed(params.dumps.maps.runs)
        if name in params.runs and not isinstance(model := params.runs[name].model, Given)
    }
    return [
        f"concepts.q.{family}: is missing; run {name!r}, whose maps are dumped, is of this "
        f"network; add it, or `{OTHER}` for all that are not named"
        for family, name in families.items()
        if not {family, OTHER} & params.analyses.concepts.q.keys()
    ]


def _check_fraction(params: Params) -> list[str]:
    """A share of the pixels that is less than one of them."""
    fraction = params.analyses.saliency_colours.fraction
    sizes = {
        run.dataset: size
        for name in params.dumps.saliency.runs
        if (run := params.runs.get(name))
        and (dataset := params.datasets.get(run.dataset))
        and (size := dataset.image_size)
    }
    return [
        f"saliency_colours.fraction: found {fraction}; allowed: at least 1 of the {size**2:,} "
        f"pixels of dataset {name!r}"
        for name, size in sizes.items()
        if Decimal(str(fraction)) * size**2 < 1  # as `top_pixels` reads it
    ]


def _check_tasks(params: Params) -> list[str]:
    """Losses, imbalances and dumps that do not belong to a dataset's task."""
    problems: list[str] = []
    for name, dataset in params.datasets.items():
        key, kind = f"datasets.{name}.imbalance", dataset.imbalance.kind
        if dataset.source.several_labels:
            if kind in ("exp", "step"):
                allowed = "natural, cap_negatives, thin_positives"
                problems.append(f"{key}.kind: found {kind!r}; allowed for labels: {allowed}")
            elif isinstance(dataset.imbalance, Natural) and dataset.imbalance.n_max is not None:
                problems.append(f"{key}.n_max: found {dataset.imbalance.n_max}; allowed: null")
        elif kind in ("cap_negatives", "thin_positives"):
            problems.append(f"{key}.kind: found {kind!r}; allowed: exp, step, natural")
    for run in params.runs.values():
        dataset = params.datasets.get(run.dataset)
        if dataset is None:
            continue
        key, labels = f"methods.{run.method}", dataset.source.several_labels
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
    return list(dict.fromkeys(problems))  # runs share methods and datasets


def _check_sizes(params: Params) -> list[str]:
    """Images so small that a network's maps are a single cell."""
    return [
        f"datasets.{run.dataset}.image_size: found {dataset.image_size}; allowed: at least "
        f"{run.model.min_image_size} for {network_title(run.model)}, the network of run {name!r}"
        for name, run in params.runs.items()
        if (dataset := params.datasets.get(run.dataset))
        and dataset.image_size is not None
        and dataset.image_size < run.model.min_image_size
    ]


def _check_padding(params: Params) -> list[str]:
    """Crops that can lie wholly beside an image."""
    found = {
        (run.recipe, run.dataset): (recipe.augmentation.crop_padding, dataset.image_size)
        for run in params.runs.values()
        if not isinstance(run.model, Given)
        and (recipe := params.recipes.get(run.recipe))
        and (dataset := params.datasets.get(run.dataset))
        and dataset.image_size is not None
    }
    return [
        f"recipes.{recipe}.augmentation.crop_padding: found {padding}; allowed: below the {size} "
        f"pixels of datasets.{dataset}.image_size"
        for (recipe, dataset), (padding, size) in found.items()
        if padding >= size
    ]


def _check_dumps(params: Params) -> list[str]:
    """Runs that a dump is wanted of and that cannot have it."""
    problems: list[str] = []
    split = params.analyses.dump_maps.split
    for kind, runs in (("saliency", params.dumps.saliency.runs), ("maps", params.dumps.maps.runs)):
        key = f"dumps.{kind}.runs"
        problems += [
            f"{key}: found {shown(name)} twice; name each run once"
            for name, n in Counter(runs).items()
            if n > 1
        ]
        for name in dict.fromkeys(runs):
            if name not in params.runs:
                allowed = listed(params.runs)
                problems.append(f"{key}: found {shown(name)}; allowed: {allowed}")
                continue
            dataset = params.datasets.get(params.runs[name].dataset)
            if not dataset:
                continue
            if isinstance(params.runs[name].model, Given):
                problems.append(
                    f"{key}: found {name!r}, which has no network to look at, but what one gave; "
                    "allowed: runs of a network"
                )
                continue
            if kind == "saliency" and dataset.source.several_labels:
                problems.append(
                    f"{key}: found {name!r}, whose dataset has several labels per image; "
                    "colours are of classes that exclude each other"
                )
            source = dataset.source_of(split)
            if kind == "maps" and not source.has_boxes:
                boxed = [
                    each
                    for each, given in params.datasets.items()
                    if given.source_of(split).has_boxes
                ]
                what = f"a run of datasets {listed(boxed)}" if boxed else "[]"
                side = "evaluate_on" if source is dataset.evaluate_on else "source"
                boxes = f", or give {side}.boxes" if "boxes" in type(source).model_fields else ""
                problems.append(
                    f"{key}: found {name!r}, whose {side} {source.name!r} has no boxes; "
                    f"allowed: {what}{boxes}"
                )
    return problems


def _check_settings(params: Params) -> list[str]:
    """Settings that are none, and baselines that are one too many.

    Nothing where a run names a dataset or recipe that is none: there its setting has another name.
    """
    runs = params.runs.values()
    if any(run.dataset not in params.datasets or run.recipe not in params.recipes for run in runs):
        return []
    trainings = all_settings(params)
    problems = [
        f"{key}: found {shown(name)}; allowed: {listed(trainings)}"
        for key, names in (("focus", (params.focus,)), ("baselines", params.baselines))
        for name in names
        if name not in trainings
    ]
    sides: dict[tuple[str, str], str] = {}
    for name in (name for name in params.baselines if name in trainings):
        first = sides.setdefault(side_of(params.runs[trainings[name][0]]), name)
        if first != name:
            problems.append(
                f"baselines: found {name!r} and {first!r}, of the same dataset and network; "
                "name one"
            )
    return problems


def _check_doubles(params: Params) -> list[str]:
    """Methods and runs that are the same twice."""
    problems: list[str] = []
    methods: dict[str, str] = {}
    for name, method in params.methods.items():
        first = methods.setdefault(method.model_dump_json(), name)
        if first != name:
            problems.append(f"methods.{name}: is the same as methods.{first}; remove one")
    runs: dict[tuple[object, ...], str] = {}
    for name, run in params.runs.items():
        trained = (run.checkpoint,) if run.checkpoint else (run.recipe, run.seed)
        if isinstance(run.model, Given):
            trained = (run.model.file,)
        first = runs.setdefault((run.method, run.dataset, *trained), name)
        if first == name:
            continue
        if run.seed != params.runs[first].seed:
            what, key = ("weights", "checkpoint")
            if isinstance(run.model, Given):
                what, key = ("features and predictions", "model.file")
            problems.append(
                f"runs.{name}: takes the same {what} as runs.{first}; write {{seed}} where "
                f"their files differ in methods.{run.method}.{key}"
            )
        else:
            problems.append(
                f"runs.{name}: is the same as runs.{first}; give it another seed, or remove it"
            )
    return problems
