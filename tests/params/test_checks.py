"""Losses, imbalances and dumps that do not belong to a dataset's task."""

import pytest

from imbalens.errors import InputError
from tests.params.test_loading import SHIPPED, at, load_changed

BCE = ("runs", "phantom-bce")
CE = ("runs", "planted-ce")
PHANTOM = ("datasets", "phantom")
CLASS_LOSSES = "ce, weighted_ce, focal, cb, ldam, balanced_softmax, logit_adjustment"
LABEL_LOSSES = "bce, wbce, focal, cb_focal, asymmetric"
ALL_RUNS = ", ".join(SHIPPED["runs"])
SEEDED = {"name": "seeded", "seed": 0}
STEP = {"kind": "step", "ratio": 2, "n_max": None, "selection": SEEDED}
THIN = {"kind": "thin_positives", "ratio": 5, "seed": 0}
CAP = {"kind": "cap_negatives", "n_max": 100, "seed": 0}
NIH = {
    "name": "nih",
    "root": "$NIH",
    "task": {"name": "binary"},
    "require_complete": False,
    "split": {"test_share": 0.2, "seed": 0},
    "digest": None,
}


def focal(alpha):
    return {"name": "focal", "gamma": 2.0, "alpha": alpha, "scale": 1.0}


def runs(kind, *names):
    return at("dumps", kind, runs=list(names))


def messages_of(tmp_path, change):
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, change)
    place = f"{tmp_path / 'params.yaml'}: "
    lines = str(caught.value).split("\n")
    assert all(line.startswith(place) for line in lines)
    return [line.removeprefix(place) for line in lines]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            at(*BCE, loss={"name": "ce"}),
            "runs.phantom-bce.loss.name: found 'ce'; allowed for dataset 'phantom': "
            + LABEL_LOSSES,
        ),
        (
            at(*CE, loss={"name": "bce"}),
            "runs.planted-ce.loss.name: found 'bce'; allowed for dataset 'planted': "
            + CLASS_LOSSES,
        ),
        (
            at(*BCE, loss=focal(None)),
            "runs.phantom-bce.loss.alpha: found None; allowed: a number between 0 and 1",
        ),
        (
            at(*CE, loss=focal(0.25)),
            "runs.planted-ce.loss.alpha: found 0.25; allowed: null",
        ),
        (
            at(*BCE, drw={"start_epoch": 1, "beta": 0.9}),
            "runs.phantom-bce.drw: allowed for dataset 'phantom': null",
        ),
        (
            at(*PHANTOM, imbalance=STEP),
            "datasets.phantom.imbalance.kind: found 'step'; allowed for labels: natural, "
            "cap_negatives, thin_positives",
        ),
        (
            at(*PHANTOM, imbalance=STEP | {"kind": "exp"}),
            "datasets.phantom.imbalance.kind: found 'exp'; allowed for labels: natural, "
            "cap_negatives, thin_positives",
        ),
        (
            at(*PHANTOM, "imbalance", n_max=5),
            "datasets.phantom.imbalance.n_max: found 5; allowed: null",
        ),
        (
            at("datasets", "planted", imbalance=THIN),
            "datasets.planted.imbalance.kind: found 'thin_positives'; allowed: exp, step, natural",
        ),
        (
            at("datasets", "planted", imbalance=CAP),
            "datasets.planted.imbalance.kind: found 'cap_negatives'; allowed: exp, step, natural",
        ),
        (
            runs("saliency", "planted-ce", "phantom-bce"),
            "dumps.saliency.runs: found 'phantom-bce', whose dataset has several labels per "
            "image; colours are of classes that exclude each other",
        ),
        (runs("saliency", "x"), f"dumps.saliency.runs: found 'x'; allowed: {ALL_RUNS}"),
        (runs("maps", "x"), f"dumps.maps.runs: found 'x'; allowed: {ALL_RUNS}"),
        (
            runs("saliency", "planted-ce", "planted-ce"),
            "dumps.saliency.runs: found 'planted-ce' twice; name each run once",
        ),
        (
            runs("maps", "phantom-bce", "planted-ce", "phantom-bce"),
            "dumps.maps.runs: found 'phantom-bce' twice; name each run once",
        ),
    ],
)
def test_what_does_not_fit_a_task_is_said_in_full(tmp_path, change, message):
    assert messages_of(tmp_path, change) == [message]


@pytest.mark.parametrize(
    ("network", "smallest"), [("resnet50", 64), ("densenet121_truncated", 16)]
)
def test_images_too_small_for_a_network_are_named(tmp_path, network, smallest):
    def change(values):
        at(*CE, model={"name": network, "weights": "none"})(values)
        at("datasets", "planted", image_size=smallest - 1)(values)

    assert messages_of(tmp_path, change) == [
        f"datasets.planted.image_size: found {smallest - 1}; allowed: at least {smallest} for "
        f"{network}, the network of run 'planted-ce'"
    ]


def test_maps_of_a_validation_part_need_one(tmp_path):
    def change(values):
        at("dumps", "maps", split="val")(values)
        runs("maps", "planted-ce")(values)

    message = (
        "dumps.maps.split: found 'val', but datasets.planted.validation.share is 0; set a share "
        "or use 'train' or 'test'"
    )
    assert messages_of(tmp_path, change) == [message]

    def change_both(values):
        change(values)
        at("datasets", "planted", "validation", share=0.1)(values)

    assert load_changed(tmp_path, change_both).dumps.maps.split == "val"


def test_every_place_is_named_once(tmp_path):
    def change(values):
        at(*BCE, loss=focal(None), drw={"start_epoch": 1, "beta": 0.9})(values)
        runs("saliency", "phantom-bce", "phantom-bce", "x")(values)
        runs("maps", "y", "y")(values)

    assert messages_of(tmp_path, change) == [
        "runs.phantom-bce.loss.alpha: found None; allowed: a number between 0 and 1",
        "runs.phantom-bce.drw: allowed for dataset 'phantom': null",
        "dumps.saliency.runs: found 'phantom-bce' twice; name each run once",
        "dumps.saliency.runs: found 'phantom-bce', whose dataset has several labels per image; "
        "colours are of classes that exclude each other",
        f"dumps.saliency.runs: found 'x'; allowed: {ALL_RUNS}",
        "dumps.maps.runs: found 'y' twice; name each run once",
        f"dumps.maps.runs: found 'y'; allowed: {ALL_RUNS}",
    ]


def test_an_unknown_dataset_is_the_only_complaint_about_its_run(tmp_path):
    found = messages_of(tmp_path, at(*BCE, dataset="x", loss={"name": "ce"}))
    assert found == ["runs.phantom-bce.dataset: found 'x'; allowed: planted, phantom"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            at(*PHANTOM, "source", task={"name": "multi"}),
            "datasets.phantom.source.task.name: found 'multi'; allowed: 'multilabel', 'binary'",
        ),
        (
            at(*PHANTOM, "source", "task", include_no_findings=True),
            "datasets.phantom.source.task.include_no_findings: unknown key; did you mean "
            "'include_no_finding'? allowed: name, include_no_finding",
        ),
        (
            at("analyses", "concepts", "q", vgg=0.1),
            "analyses.concepts.q.vgg: unknown key; allowed: cifar_resnet, resnet50, "
            "densenet121_truncated",
        ),
        (
            at("recipes", "quick_cxr", "augmentation", brightness=1.0),
            "recipes.quick_cxr.augmentation.brightness: found 1.0; Input should be less than 1",
        ),
        (
            at(*BCE, "model", name="resnet51"),
            "runs.phantom-bce.model.name: found 'resnet51'; allowed: 'resnet8', 'resnet14', "
            "'resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet50', 'densenet121_truncated'",
        ),
        (
            at(*BCE, model={"name": "resnet50"}),
            "runs.phantom-bce.model.weights: is missing",
        ),
        (
            at("analyses", "cam_alignment", threshold=0.0),
            "analyses.cam_alignment.threshold: found 0.0; Input should be greater than 0",
        ),
        (
            at("analyses", "cam_alignment", matched_share=1.0),
            "analyses.cam_alignment.matched_share: found 1.0; Input should be less than 1",
        ),
    ],
)
def test_a_mistake_within_a_task_is_said_in_full(tmp_path, change, message):
    assert messages_of(tmp_path, change) == [message]


def test_what_fits_a_task_is_valid(tmp_path):
    def change(values):
        at(*BCE, loss=focal(0.25), model={"name": "resnet8"})(values)
        at(*CE, loss=focal(None), model={"name": "resnet50", "weights": "none"})(values)
        at("datasets", "planted", image_size=64)(values)
        at(*PHANTOM, source=NIH, imbalance=THIN)(values)
        runs("saliency")(values)
        runs("maps", "planted-ce", "phantom-bce")(values)
        at("dumps", "maps", "layer", cifar_resnet="layer2")(values)
        at("dumps", "maps", untrained=False)(values)
        at("analyses", "cam_alignment", threshold=1)(values)

    params = load_changed(tmp_path, change)
    assert params.dumps.maps.runs == ("planted-ce", "phantom-bce")
    assert params.dumps.saliency.runs == ()
    assert params.runs["phantom-bce"].loss.alpha == 0.25
