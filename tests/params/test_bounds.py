"""Numbers, texts and lists that no sensible experiment has."""

import copy
from typing import get_args, get_origin

import annotated_types as bounds
import pytest
from pydantic import BaseModel

from imbalens.errors import InputError
from imbalens.params.errors import MAX_LISTED, MAX_SHOWN
from imbalens.params.experiment import Experiment, Params
from imbalens.validation.rules import Rules
from tests.params.test_checks import messages_of
from tests.params.test_loading import IMBALANCE, QUICK, SHIPPED, STEPS, at, load_changed

LABELS = ("datasets", "phantom")
PLANTED = ("datasets", "planted")


def walk(annotation, metadata=(), place=""):
    """Yield place, type and constraints of all that is within an annotation."""
    if get_origin(annotation) is not None and hasattr(annotation, "__metadata__"):
        inner, *more = get_args(annotation)
        more = [each for item in more for each in (getattr(item, "metadata", None) or [item])]
        yield from walk(inner, (*metadata, *more), place)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            of = f"{place or annotation.__name__}.{name}"
            yield from walk(field.annotation, tuple(field.metadata), of)
    else:
        yield place, annotation, metadata
        if get_origin(annotation) is not None:
            # what stands beside null in a union keeps what the union is given
            kept = metadata if type(None) in get_args(annotation) else ()
            for part in get_args(annotation):
                if not isinstance(part, str | int):
                    yield from walk(part, kept, place)


@pytest.mark.parametrize("model", [Experiment, Params, Rules])
def test_every_number_has_a_bound_on_both_sides(model):
    found = [(place, meta) for place, kind, meta in walk(model) if kind in (int, float)]
    assert len(found) > (2 if model is Rules else 20)
    unbounded = {
        place
        for place, meta in found
        if not any(isinstance(each, bounds.Ge | bounds.Gt) for each in meta)
        or not any(isinstance(each, bounds.Le | bounds.Lt) for each in meta)
    }
    assert unbounded == set()


@pytest.mark.parametrize("model", [Experiment, Params])
def test_every_list_and_mapping_that_a_user_fills_ends(model):
    endless = {
        place
        for place, kind, meta in walk(model)
        if (get_origin(kind) is dict and get_origin(get_args(kind)[0]) is not None)
        or get_args(kind)[-1:] == (...,)
        if not any(isinstance(each, bounds.MaxLen) for each in meta)
    }
    # keyed by what there is of networks
    assert {place.rpartition(".")[2] for place in endless} <= {"layer", "q"}


def milestones(n):
    return at(*QUICK, schedule=STEPS | {"milestones": [{"epoch": 1, "factor": 0.1}] * n})


ABSURD = [
    (at(*PLANTED, "source", train_per_class=2**31 - 1), "less than or equal to 10000"),
    (at(*LABELS, "source", train_images=2**31 - 1), "less than or equal to 200000"),
    (at(*IMBALANCE, ratio=1e300), "less than or equal to 1000000"),
    (at(*PLANTED, normalization={"mean": [0.0] * 3, "std": [1e-320, 1, 1]}), "equal to 0.000001"),
    (at(*PLANTED, normalization={"mean": [1e300, 0, 0], "std": [1] * 3}), "or equal to 1000"),
    (at(*QUICK, epochs=2**31 - 1), "less than or equal to 10000"),
    (at(*QUICK, batch_size=2**31), "less than or equal to 65536"),
    (at(*QUICK, "augmentation", crop_padding=10**9), "less than or equal to 256"),
    (at(*QUICK, "optimizer", lr=1e300), "less than or equal to 1000"),
    (at(*QUICK, "optimizer", lr=1e-320), "greater than or equal to 0.000000000001"),
    (at(*QUICK, "optimizer", weight_decay=1e300), "less than or equal to 100"),
    (at("methods", "ldam_drw", "loss", scale=1e300), "less than or equal to 1000000"),
    (at("methods", "ldam_drw", "loss", max_margin=1e-320), "greater than or equal to 0.000001"),
    (at("methods", "focal", "loss", gamma=1e300), "less than or equal to 100"),
    (at("dumps", batch_size=2**31 - 1), "less than or equal to 65536"),
    (at("dumps", "maps", runs=["x"] * 1001), "at most 1000 items"),
    (at(baselines=["x"] * 1001), "at most 1000 items"),
    (milestones(101), "at most 100 items"),
]
ABSURD_ANALYSES = [
    (("compare", "n_resamples"), 2 * 10**9, "less than or equal to 100000"),
    (("claims", "n_resamples"), 2 * 10**9, "less than or equal to 100000"),
    (("compare", "confidence"), 1 - 1e-16, "less than or equal to 0.9999"),
    (("claims", "confidence"), 1 - 1e-16, "less than or equal to 0.9999"),
    (("performance", "ece_bins"), 2**31 - 1, "less than or equal to 1000"),
    (("archetypes", "n_neighbors"), 2**31 - 1, "less than or equal to 1000"),
    (("adversaries", "eps"), 1e-320, "greater than or equal to 0.000000000001"),
    (("adversaries", "alpha"), 1e300, "less than or equal to 1000000"),
    (("feature_overlap", "top_k"), 2**31 - 1, "less than or equal to 10000"),
    (("cam_alignment", "examples"), 2**31 - 1, "less than or equal to 100"),
    (("explore", "train_images"), 2**31 - 1, "less than or equal to 20000"),
    (("explore", "label_errors"), 2**31 - 1, "less than or equal to 1000"),
]


@pytest.mark.parametrize(("change", "bound"), ABSURD)
def test_an_absurd_value_is_told_its_bound(tmp_path, change, bound):
    (message,) = messages_of(tmp_path, change)
    assert bound in message
    assert len(message) < 3 * MAX_SHOWN


@pytest.mark.parametrize(("key", "value", "bound"), ABSURD_ANALYSES)
def test_an_absurd_measure_is_told_its_bound(tmp_path, key, value, bound):
    section, name = key
    change = at("analyses", section, **{name: value})
    (message,) = messages_of(tmp_path, change, "analyses.yaml")
    assert message.startswith(f"{section}.{name}: found {value}; ")
    assert bound in message


def test_a_crop_has_a_part_of_the_image(tmp_path):
    size = SHIPPED["datasets"]["planted"]["image_size"]
    load_changed(tmp_path, at(*QUICK, "augmentation", crop_padding=size - 1))
    assert messages_of(tmp_path, at(*QUICK, "augmentation", crop_padding=size)) == [
        f"recipes.quick.augmentation.crop_padding: found {size}; allowed: below the {size} pixels "
        "of datasets.planted.image_size"
    ]


def test_a_share_of_the_pixels_is_at_least_one(tmp_path):
    load_changed(tmp_path, at("analyses", "saliency_colours", fraction=1 / 1024))
    change = at("analyses", "saliency_colours", fraction=0.0009)
    assert messages_of(tmp_path, change, "analyses.yaml") == [
        "saliency_colours.fraction: found 0.0009; allowed: at least 1 of the 1,024 pixels of "
        "dataset 'planted'"
    ]

    def nobody_looks(values):
        change(values)
        values["dumps"]["saliency"]["runs"] = []

    load_changed(tmp_path, nobody_looks)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 20_000,
        "\x1b[31m" * 100,
        [1] * 10_000,
        {f"k{i}": i for i in range(3000)},
        {"x" * 5000: 1},
        {"\x1b[2J": 1},
        {"name": "x" * 5000},
        {"name": "\x1b[2J" * 9},
    ],
    ids=range(8),
)
@pytest.mark.parametrize(
    "keys",
    [
        ("focus",),
        ("runs", "planted-ce", "method"),
        ("runs", "planted-ce", "dataset"),
        ("methods", "ce", "loss"),
        ("datasets", "planted", "source"),
        ("recipes", "quick", "epochs"),
        ("false_positives", "planted", "baseline"),
        ("dumps", "maps", "runs"),
        ("baselines",),
    ],
    ids=".".join,
)
def test_a_message_is_short_and_has_no_control_characters(tmp_path, keys, value):
    given = [value] if keys[-1] in ("runs", "baselines") else value
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, at(*keys[:-1], **{keys[-1]: given}))
    lines = str(caught.value).splitlines()
    assert len(lines) <= MAX_LISTED + 1
    for line in lines:
        assert len(line) < len(str(tmp_path)) + 700  # names that are allowed, in full
        assert not any(ord(character) < 32 for character in line)


@pytest.mark.parametrize("key", ["\x1b[2J", "a\nb", "x" * 5000])
def test_an_unknown_key_is_short_and_has_no_control_characters(tmp_path, key):
    (message,) = messages_of(tmp_path, at(*QUICK, **{key: 1}))
    shown = {"\x1b[2J": r"\x1b[2J", "a\nb": r"a\nb"}.get(key, "x" * MAX_SHOWN + "...")
    assert message.startswith(f"recipes.quick.{shown}: unknown key; allowed: optimizer, ")


def test_of_many_names_the_first_are_listed(tmp_path):
    def change(values):
        run = values["runs"]["planted-ce"]
        values["runs"] |= {f"r{i}": run | {"seed": i + 9} for i in range(900)}
        values["dumps"]["maps"]["runs"] = [f"x{i}" for i in range(900)]

    values = copy.deepcopy(SHIPPED)
    change(values)
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, change)
    *lines, last = str(caught.value).splitlines()
    assert len(lines) == MAX_LISTED
    assert last == "... and 800 more"
    allowed = ", ".join([*values["runs"]][:MAX_LISTED])
    assert lines[0].endswith(f"dumps.maps.runs: found 'x0'; allowed: {allowed}, ...")
