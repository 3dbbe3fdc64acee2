"""What is asked from Python is what the stages ask: same answers, same choices."""

import inspect
import json
import subprocess
import sys
from io import StringIO

import h5py
import numpy as np
import pandas as pd
import pytest

import imbalens
from imbalens.dumps.files import read_features, read_saliency_ranks
from imbalens.dumps.map_files import read_maps_about
from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.store.prepared import read_split
from imbalens.tables import (
    adversaries,
    archetypes,
    cam_alignment,
    concepts,
    feature_overlap,
    performance,
    saliency_colours,
)
from imbalens.tables.explore import CANDIDATES
from imbalens.validation.pinned import DUMPS, RESULTS, read_experiments
from tests.tiny import ROOT

EXPERIMENTS = read_experiments(ROOT)
TABLES = {
    "archetypes": {
        "classes": archetypes.ARCHETYPES,
        "instances": archetypes.INSTANCES,
        "prototypes": archetypes.PROTOTYPES,
    },
    "adversaries": {
        "classes": adversaries.CLASS_SCORES,
        "shares": adversaries.ADVERSARIES,
        "predictors": adversaries.PREDICTORS,
    },
    "label_errors": {"candidates": CANDIDATES},
    "feature_overlap": {
        "pairs": feature_overlap.PAIRS,
        "features": feature_overlap.TOP_FEATURES,
    },
    "performance": {"classes": performance.CLASSES, "confusion": performance.CONFUSION},
    "saliency_colours": {"colours": saliency_colours.COLOURS},
    "cam_alignment": {"classes": cam_alignment.CLASSES, "pairs": cam_alignment.PAIRS},
    "concepts": {
        "classes": concepts.CLASSES,
        "channels": concepts.CHANNELS,
        "counts": concepts.COUNTS,
    },
}
RUNS = dict.fromkeys(TABLES, ("planted-ce", "phantom-bce"))
RUNS["saliency_colours"] = ("planted-ce",)
FORMS = {"default": np.asarray, "published": np.ndarray.tolist}
CASES = [
    (question, run, choice) for question in RUNS for run in RUNS[question] for choice in FORMS
]


def options_of(question, analyses):
    """What analyses.yaml chooses, as options of a question."""
    name = "archetypes" if question == "label_errors" else question
    options = {key: value for key, value in analyses[name].items() if key not in ("split", "q")}
    match question:
        case "label_errors":
            listed = analyses["explore"]["label_errors"]
            return {"n_neighbors": options["n_neighbors"], "n_candidates": listed}
        case "performance":
            shared = {"min_images": analyses["compare"]["min_images"]}
            return options | shared | analyses["labels"]
        case "cam_alignment":
            del options["examples"]
    return options


def ask(question, run, choice):
    """Ask about a pinned dump; return the answer and the row of each image in its split."""
    form = FORMS[choice]
    analyses, dumps = EXPERIMENTS[choice]["analyses"], ROOT / DUMPS / "data/dumps"
    options = options_of(question, analyses)
    dump = read_features(
        dumps / f"features/{run}.h5", ["train", "test"], decision=analyses["labels"]["decision"]
    )
    train, test = dump.splits["train"], dump.splits["test"]
    n_labels, names, rows = len(dump.label_names), dump.label_names, np.arange(len(train.index))
    features, labels, scores = form(train.features), form(train.targets), form(train.scores)

    def taken(split):
        if split.predictions.ndim == 1:
            return form(split.predictions)
        return form(split.predictions[:, :n_labels])  # without the class of unlabelled images

    match question:
        case "archetypes":
            given = (features, labels, taken(train))
        case "adversaries":
            given = (features, labels, taken(train), form(test.targets), taken(test))
        case "label_errors":
            given = (features, labels, scores)
        case "feature_overlap":
            given = (features, labels)
        case "performance":
            given = (form(test.scores), form(test.targets), labels)
            options["train_scores"] = scores
        case "saliency_colours":
            images = read_split(ROOT / DUMPS / "data/prepared/planted.h5", "train").images
            ranks = read_saliency_ranks(dumps / f"saliency/{run}.h5", "train")
            kinds = instances(run, choice)["archetype"].tolist()
            given = (form(images), form(-ranks.astype(np.int64)), labels, kinds)
        case "cam_alignment" | "concepts":
            path = dumps / f"maps/{run}.h5"
            about = read_maps_about(path)
            options["image_size"], names, rows = about.image_size, about.class_names, about.row
            with h5py.File(path) as file:
                further = question == "concepts" and about.layer_shape
                maps = file["layer_maps" if further else "maps"][:]
            given = (form(maps), form(about.boxes))
            if question == "concepts":
                options["q"] = analyses["concepts"]["q"][about.network]
            else:
                given = (given[0], form(about.head), given[1])
                options["untrained_cams"] = about.untrained_cams
    return getattr(imbalens, question)(*given, names=names, **options), rows


def instances(run, choice):
    return pd.read_csv(ROOT / RESULTS / choice / archetypes.INSTANCES.path_of(run))


def kept_table(table, run, choice):
    """What the stage wrote of the run."""
    if table is not CANDIDATES:
        return pd.read_csv(ROOT / RESULTS / choice / table.path_of(run))
    kept = pd.read_csv(ROOT / RESULTS / choice / table.path_of(run.split("-")[0]))
    return kept[kept["run"] == run].reset_index(drop=True)


@pytest.mark.parametrize(("question", "run", "choice"), CASES)
def test_answers_are_those_of_the_stages(question, run, choice):
    answer, rows = ask(question, run, choice)
    if question != "label_errors":  # whose stage, `explore`, has other metrics
        kept = json.loads((ROOT / RESULTS / choice / f"metrics/{question}/{run}.json").read_text())
        kept.pop("recovery", None)  # of what was planted, which only the stage knows
        assert answer.metrics == approximately(kept)
    assert set(answer.tables) == set(TABLES[question])
    for name, table in TABLES[question].items():
        found = pd.read_csv(StringIO(answer.table(name).to_csv(index=False)))
        if "row" in found:
            known = found["row"].notna()
            found["row"] = found["row"].mask(known, rows[found["row"].fillna(0).astype(int)])
        assert len(found) > 2
        kept = kept_table(table, run, choice)
        pd.testing.assert_frame_equal(found, kept[[*found]], rtol=1e-5, check_dtype=False)
        # what is of files, or of several runs
        assert set(kept) - set(found) <= {"run", "index", "name", "archetype", "runs"}


def approximately(value):
    if isinstance(value, dict):
        return {key: approximately(item) for key, item in value.items()}
    return pytest.approx(value, rel=1e-5) if isinstance(value, float) else value


# --- choices


@pytest.mark.parametrize("question", TABLES)
def test_defaults_are_those_of_the_parameter_files(question):
    chosen = options_of(question, read_yaml(ROOT / "analyses.yaml"))
    options = {
        name: option.default
        for name, option in inspect.signature(getattr(imbalens, question)).parameters.items()
        if option.default is not option.empty
    }
    given = dict.fromkeys(("names", "train_scores", "cams", "untrained_cams"))
    assert {name: given.get(name) for name in options if name in given}.items() <= options.items()
    assert {name: value for name, value in options.items() if name not in given} == chosen


# --- what is given

FEATURES = np.random.default_rng(0).random((12, 3))
CODES = np.arange(12) % 3
WORDS = np.array(["ant", "bee", "cat"])[CODES]
SCORES = np.eye(3)[np.roll(CODES, 1)] * 4
MATRIX = np.eye(3)[CODES]


def same_answers(one, other):
    assert one.names == other.names
    for name in one.tables:
        pd.testing.assert_frame_equal(one.table(name), other.table(name))


@pytest.mark.parametrize(
    "labels",
    [
        WORDS,
        WORDS.tolist(),
        WORDS.astype(object),
        pd.Series(WORDS),
        pd.Series(WORDS, dtype="category"),
        CODES.astype(np.uint8),
        CODES.astype(np.float64),
    ],
    ids=["array", "list", "objects", "series", "categories", "bytes", "float64"],
)
def test_classes_are_told_by_name_or_number(labels):
    names = ["ant", "bee", "cat"]
    for question, last in (("archetypes", (labels,)), ("label_errors", (SCORES,))):
        call = getattr(imbalens, question)
        expected = call(FEATURES, CODES, *((CODES,) if last[0] is labels else last), names=names)
        same_answers(call(FEATURES, labels, *last, names=names), expected)
        same_answers(call(FEATURES.tolist(), labels, *last, names=np.array(names)), expected)


def test_without_names_the_classes_are_those_that_occur():
    shifted = imbalens.archetypes(FEATURES, CODES * 2 + 1, CODES * 2 + 1)
    assert shifted.names == ("1", "3", "5")
    assert imbalens.feature_overlap(FEATURES, WORDS, top_k=1).names == ("ant", "bee", "cat")
    # but for scores, whose columns are classes
    assert imbalens.label_errors(FEATURES, CODES % 2, SCORES).names == ("0", "1", "2")


def test_images_without_any_label_have_a_class_of_their_own():
    labels = MATRIX * (np.arange(12) > 3)[:, None]
    found = imbalens.archetypes(FEATURES, labels, labels.astype(bool), names=WORDS[:3])
    assert found.names == ("ant", "bee", "cat", "No Finding")
    assert found.table("instances")["label"].tolist()[:4] == ["No Finding"] * 4


def test_a_label_that_is_not_known_is_neither_there_nor_not():
    labels = MATRIX.astype(int)
    labels[:3, 0] = -1
    scores = np.random.default_rng(0).normal(0, 3, labels.shape)
    found = imbalens.performance(scores, labels, labels, train_scores=scores, decision="half")
    alone = imbalens.performance(
        *(scores[3:], MATRIX[3:], MATRIX[3:]), train_scores=scores[3:], decision="half"
    )
    for name, values in found.result.each.items():
        assert values[0] == pytest.approx(alone.result.each[name][0], nan_ok=True)
    listed = imbalens.label_errors(FEATURES, labels, scores).table()
    assert not listed[(listed["row"] < 3) & listed["given"].str.endswith("0")].size
    kinds = imbalens.archetypes(FEATURES, labels, np.ones_like(MATRIX))
    of_first = kinds.table("instances").query("label == '0'")
    assert of_first["row"].tolist() == (3 + np.flatnonzero(MATRIX[3:, 0])).tolist()
    near = imbalens.adversaries(
        *(FEATURES, labels, np.ones_like(MATRIX), labels, np.ones_like(MATRIX)),
        instances="misclassified_by_predicted",
        errors="by_predicted",
    )
    assert near.result.errors.n_instances[0] == (MATRIX[3:, 0] == 0).sum()
    assert near.result.nearest.n_instances[0] == (MATRIX[3:, 0] == 0).sum()


def test_of_neighbours_those_that_are_known_to_lack_the_class_are_its_adversaries():
    labels = [[1, 0], [-1, 1], [0, 1], [-1, 1], [0, 0], [0, 0], [0, 0], [0, 0]]
    taken = [[0, 1], *([abs(mark), 1] for mark, _ in labels[1:4]), *labels[4:]]
    features = [[0.0], [1], [2], [3], [20], [21], [22], [23]]
    near = imbalens.adversaries(features, labels, taken, labels, taken, n_neighbors=3)
    assert near.result.nearest.counts[0].tolist() == [0, 1, 0]


def with_one(values, value):
    changed = np.array(values, dtype=object if isinstance(value, str) else float)
    changed.flat[4] = value
    return changed


def ask_adversaries(**options):
    return imbalens.adversaries(
        FEATURES, CODES, np.roll(CODES, 1), CODES, np.roll(CODES, 1), **options
    )


WRONG = {
    "a missing feature": (
        lambda: imbalens.archetypes(with_one(FEATURES, np.nan), CODES, CODES),
        r"features must be finite; .* found nan at \[1, 1\]",
    ),
    "features of one image": (
        lambda: imbalens.archetypes(FEATURES[0], CODES, CODES),
        r"features must be \[images, features\], found an array of shape \[3\]",
    ),
    "text as a feature": (
        lambda: imbalens.feature_overlap(with_one(FEATURES, "x"), CODES),
        "features must be an array of numbers or of names",
    ),
    "rows of different lengths": (
        lambda: imbalens.feature_overlap([[1.0, 2.0], [1.0]], [0, 1]),
        "features must be an array of numbers",
    ),
    "a label too few": (
        lambda: imbalens.archetypes(FEATURES, CODES[1:], CODES[1:]),
        "features, labels, predictions must be of the same images .* found 12, 11, 11",
    ),
    "a missing label": (
        lambda: imbalens.archetypes(FEATURES, with_one(CODES, np.nan), CODES),
        "labels must be finite; .* found nan at",
    ),
    "half a label": (
        lambda: imbalens.archetypes(FEATURES, with_one(CODES, 0.5), CODES),
        r"labels must be whole numbers; found 0.5 at \[4\]",
    ),
    "nearly a label": (
        lambda: imbalens.archetypes(FEATURES, with_one(CODES, 0.99999999), CODES),
        r"labels must be whole numbers; found 0.99999999 at \[4\]",
    ),
    "names and numbers": (
        lambda: imbalens.archetypes(FEATURES, WORDS, CODES),
        "labels, predictions must be numbers, one per image, or names, .* all the same",
    ),
    "an unknown name": (
        lambda: imbalens.archetypes(FEATURES, WORDS, WORDS, names=["ant", "bee"]),
        "labels: found 'cat' at row 2; allowed: ant, bee",
    ),
    "a number without a column": (
        lambda: imbalens.label_errors(FEATURES, CODES + 1, SCORES),
        "labels: found 3 at row 2; allowed: 0, 1, 2",
    ),
    "columns without names": (
        lambda: imbalens.label_errors(FEATURES, WORDS, SCORES),
        "names are needed: of which class is each column of scores",
    ),
    "a name too few": (
        lambda: imbalens.label_errors(FEATURES, CODES, SCORES, names=["ant", "bee"]),
        "names must be 3, one per class or label, found 2",
    ),
    "a name twice": (
        lambda: imbalens.archetypes(FEATURES, CODES, CODES, names=["ant", "bee", "ant"]),
        "names must differ, found ant, bee, ant",
    ),
    "a label that is neither there nor not": (
        lambda: imbalens.archetypes(FEATURES, MATRIX * 2, MATRIX),
        r"labels must be in 0..1, or -1 where it is not known; found 2 at \[0, 0\]",
    ),
    "a prediction that is not known": (
        lambda: imbalens.archetypes(FEATURES, MATRIX, with_one(MATRIX, -1)),
        r"^predictions must be 0 or 1; found -1 at \[1, 1\]$",
    ),
    "a prediction that is the mark of what is not known": (
        lambda: imbalens.archetypes(FEATURES, MATRIX, with_one(MATRIX, 255)),
        r"^predictions must be 0 or 1; found 255 at \[1, 1\]$",
    ),
    "an unseen prediction that is not known": (
        lambda: imbalens.adversaries(
            *(FEATURES, MATRIX, MATRIX, MATRIX, with_one(MATRIX, -1)), n_neighbors=3
        ),
        r"^unseen_predictions must be 0 or 1; found -1 at \[1, 1\]$",
    ),
    "matrices of different widths": (
        lambda: imbalens.archetypes(FEATURES, MATRIX, MATRIX[:, 1:]),
        "predictions must have 3 columns, found 2",
    ),
    "probabilities of classes": (
        lambda: imbalens.label_errors(FEATURES, CODES, SCORES / 4),
        r"scores must be logits, found probabilities; give np.log\(p\)",
    ),
    "probabilities of labels": (
        lambda: imbalens.performance(FEATURES, MATRIX, MATRIX, train_scores=FEATURES),
        r"scores must be logits, found probabilities; give np.log\(p / \(1 - p\)\)",
    ),
    "labels without training scores": (
        lambda: imbalens.performance(SCORES, MATRIX, MATRIX),
        "train_scores are needed",
    ),
    "too few images": (
        lambda: imbalens.archetypes(FEATURES, CODES, CODES, n_neighbors=12, safe_from=9),
        "more rows than n_neighbors=12, found 12; use more instances or fewer neighbours",
    ),
    "a word that is no choice": (
        lambda: imbalens.adversaries(FEATURES, CODES, CODES, CODES, CODES, errors="actual"),
        "errors: found 'actual'; allowed: by_actual, by_predicted",
    ),
    "colours of fractions": (
        lambda: imbalens.saliency_colours(np.full((1, 2, 2, 3), 0.5), [[[0, 1]] * 2], [0], [0]),
        "images must be whole numbers; found 0.5",
    ),
    "saliency of other images": (
        lambda: imbalens.saliency_colours(np.zeros((1, 2, 2, 3)), [[[0, 1]]], [0], [0]),
        "images must be of the shape of saliency",
    ),
    "a box of no image": (
        lambda: imbalens.concepts(
            np.ones((2, 1, 3, 3)), [[2, 0, 0, 0, 1, 1]], image_size=3, q=0.5
        ),
        r"images of boxes must lie in 0..1, found 2",
    ),
    "a head of other channels": (
        lambda: imbalens.cam_alignment(
            np.ones((1, 2, 3, 3)), np.ones((1, 3)), [[0, 0, 0, 0, 1, 1]], image_size=3
        ),
        "head must have the 2 channels of maps, found 3",
    ),
    "features that are masked": (
        lambda: imbalens.archetypes(np.ma.masked_less(FEATURES, 0.5), CODES, CODES),
        "features must not be masked; leave these images out",
    ),
    "labels that are masked": (
        lambda: imbalens.archetypes(FEATURES, np.ma.masked_equal(CODES, 1), CODES),
        "labels must not be masked",
    ),
    "images without a feature": (
        lambda: imbalens.archetypes(np.ones((12, 0)), CODES, CODES),
        r"features must have features, found none in shape \[12, 0\]",
    ),
    "numbers beyond double precision": (
        lambda: imbalens.feature_overlap(FEATURES * np.longdouble("1e4000"), CODES, top_k=1),
        r"features must be finite; .* found inf at \[0, 0\]",
    ),
    "half a neighbour": (
        lambda: imbalens.archetypes(FEATURES, CODES, CODES, n_neighbors=2.5),
        "n_neighbors: found 2.5; allowed: a whole number",
    ),
    "an option that is no number": (
        lambda: ask_adversaries(eps="small"),
        "eps: found 'small'; allowed: a finite number",
    ),
    "a prior that is no number": (
        lambda: ask_adversaries(alpha=np.nan),
        "alpha: found nan; allowed: a finite number",
    ),
    "a divergence with infinite shares": (
        lambda: ask_adversaries(eps=np.inf),
        "eps: found inf; allowed: a finite number",
    ),
    "a missing share": (
        lambda: imbalens.feature_overlap(FEATURES, CODES, top_k=None),
        "top_k: found None; allowed: a whole number",
    ),
    "images without a pixel": (
        lambda: imbalens.cam_alignment(
            np.ones((1, 2, 3, 3)), np.ones((1, 2)), [[0, 0, 0, 0, 1, 1]], image_size=0
        ),
        "image_size: found 0; allowed: from 1",
    ),
    "batches of no image": (
        lambda: imbalens.concepts(
            np.ones((1, 1, 3, 3)), [[0, 0, 0, 0, 1, 1]], image_size=3, q=0.5, batch_size=0
        ),
        "batch_size: found 0; allowed: from 1",
    ),
    "a table that is none": (
        lambda: imbalens.feature_overlap(FEATURES, CODES, top_k=1).table("class"),
        "table: found 'class'; allowed: pairs, features",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_refused_with_the_reason(case):
    call, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        call()


# --- the package


def test_saliency_of_images_of_more_than_65536_pixels_is_ranked():
    saliency = np.arange(300 * 300.0).reshape(1, 300, 300)
    images = np.zeros((1, 300, 300, 3), np.uint8)
    found = imbalens.saliency_colours(images, saliency, [0], [0], fraction=0.5).result
    assert (found.salient == (saliency >= 45_000)).all()


def test_what_is_offered_is_there():
    assert dir(imbalens) == sorted(imbalens.__all__)
    assert {*TABLES, "analyze", "Analysis", "InputError", "Answer", "__version__"} == set(
        imbalens.__all__
    )
    assert all(getattr(imbalens, name) for name in imbalens.__all__)
    with pytest.raises(AttributeError, match="'imbalens' has no attribute 'archetype'"):
        imbalens.archetype  # noqa: B018


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys, imbalens.cli; assert not {'numpy', 'pandas', 'imbalens.api'} & {*sys.modules}"
        "; imbalens.archetypes; assert 'imbalens.api.features' in sys.modules"
        "; assert not {'torch', 'h5py', 'imbalens.api.maps'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
