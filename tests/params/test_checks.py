"""Losses, imbalances and dumps that do not belong to a dataset's task."""

import pytest

from imbalens.errors import InputError
from tests.params.test_loading import SHIPPED, at, load_changed

BCE = ("methods", "bce")
CE = ("methods", "ce")
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

FOLDER = {"name": "folder", "root": "x", "digest": None}


def focal(alpha):
    return {"name": "focal", "gamma": 2.0, "alpha": alpha, "scale": 1.0}


def runs(kind, *names):
    return at("dumps", kind, runs=list(names))


def messages_of(tmp_path, change, file="params.yaml"):
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, change)
    place = f"{tmp_path / file}: "
    lines = str(caught.value).split("\n")
    assert all(line.startswith(place) for line in lines)
    return [line.removeprefix(place) for line in lines]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            at(*BCE, loss={"name": "ce"}),
            "methods.bce.loss.name: found 'ce'; allowed for dataset 'phantom': " + LABEL_LOSSES,
        ),
        (
            at(*CE, loss={"name": "bce"}),
            "methods.ce.loss.name: found 'bce'; allowed for dataset 'planted': " + CLASS_LOSSES,
        ),
        (
            at(*BCE, loss=focal(None)),
            "methods.bce.loss.alpha: found None; allowed: a number between 0 and 1",
        ),
        (
            at(*CE, loss=focal(0.25)),
            "methods.ce.loss.alpha: found 0.25; allowed: null",
        ),
        (
            at(*BCE, drw={"start_epoch": 1, "beta": 0.9}),
            "methods.bce.drw: allowed for dataset 'phantom': null",
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
        at("analyses", "dump_maps", split="val")(values)
        runs("maps", "planted-ce")(values)

    message = (
        "dump_maps.split: found 'val', but datasets.planted.validation.share is 0; set a share, "
        "null where the source has validation images, or use 'train' or 'test'"
    )
    assert messages_of(tmp_path, change, "analyses.yaml") == [message]

    for share, source in ((0.1, {}), (None, {"source": FOLDER | {"boxes": "boxes.csv"}})):

        def change_both(values, share=share, source=source):
            change(values)
            at("datasets", "planted", **source)(values)
            at("datasets", "planted", "validation", share=share)(values)

        assert load_changed(tmp_path, change_both).analyses.dump_maps.split == "val"


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ({"name": "cifar10", "root": "data", "download": True}, ""),
        ({"name": "folder", "root": "data", "digest": None}, ", or give source.boxes"),
    ],
)
def test_maps_need_boxes(tmp_path, source, remedy):
    def change(values):
        at("datasets", "planted", source=source)(values)
        runs("maps", "planted-ce")(values)

    assert messages_of(tmp_path, change) == [
        f"dumps.maps.runs: found 'planted-ce', whose source {source['name']!r} has no boxes; "
        f"allowed: a run of datasets phantom{remedy}"
    ]


@pytest.mark.parametrize(
    "source",
    [None, FOLDER | {"split": {"test_share": 0.2, "seed": 0}}],
    ids=["planted", "one tree"],
)
def test_a_source_that_sets_nothing_aside_has_no_validation_images_of_its_own(tmp_path, source):
    def change(values):
        at("datasets", "planted", "validation", share=None)(values)
        at("dumps", "maps", runs=[])(values)
        if source:
            at("datasets", "planted", source=source)(values)

    with pytest.raises(
        InputError, match=r"validation\.share: found null; allowed for source '\w+'"
    ):
        load_changed(tmp_path, change)


def test_the_best_epoch_may_be_chosen_on_the_sources_own_validation_images(tmp_path):
    def change(values):
        at("recipes", "quick", model_selection="best_validation")(values)
        at("datasets", "planted", source=FOLDER)(values)
        at("datasets", "planted", "validation", share=None)(values)
        at("dumps", "maps", runs=[])(values)

    assert load_changed(tmp_path, change).datasets["planted"].validation.share is None


def test_every_place_is_named_once(tmp_path):
    def change(values):
        at(*BCE, loss=focal(None), drw={"start_epoch": 1, "beta": 0.9})(values)
        runs("saliency", "phantom-bce", "phantom-bce", "x")(values)
        runs("maps", "y", "y")(values)

    assert messages_of(tmp_path, change) == [
        "methods.bce.loss.alpha: found None; allowed: a number between 0 and 1",
        "methods.bce.drw: allowed for dataset 'phantom': null",
        "dumps.saliency.runs: found 'phantom-bce' twice; name each run once",
        "dumps.saliency.runs: found 'phantom-bce', whose dataset has several labels per image; "
        "colours are of classes that exclude each other",
        f"dumps.saliency.runs: found 'x'; allowed: {ALL_RUNS}",
        "dumps.maps.runs: found 'y' twice; name each run once",
        f"dumps.maps.runs: found 'y'; allowed: {ALL_RUNS}",
    ]


def test_an_unknown_dataset_is_the_only_complaint_about_its_run(tmp_path):
    def change(values):
        at(*BCE, loss={"name": "ce"})(values)
        at("runs", "phantom-bce", dataset="x")(values)

    found = messages_of(tmp_path, change)
    assert found == ["runs.phantom-bce.dataset: found 'x'; allowed: planted, phantom"]


def test_an_unknown_method_is_the_only_complaint(tmp_path):
    """Without it, little can be said of what the runs are compared with or dumped for."""
    found = messages_of(tmp_path, at("runs", "phantom-bce", method="x", dataset="x"))
    allowed = ", ".join(SHIPPED["methods"])
    assert found == [f"runs.phantom-bce.method: found 'x'; allowed: {allowed}"]


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
            at("recipes", "quick_cxr", "augmentation", brightness=1.0),
            "recipes.quick_cxr.augmentation.brightness: found 1.0; Input should be less than 1",
        ),
        (
            at(*BCE, "model", name="resnet51"),
            "methods.bce.model.name: found 'resnet51'; allowed: 'resnet8', 'resnet14', "
            "'resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet50', 'densenet121_truncated', "
            "'torchvision', 'timm', 'python', 'given'",
        ),
        (
            at(*BCE, model={"name": "resnet50"}),
            "methods.bce.model.weights: is missing",
        ),
    ],
)
def test_a_mistake_within_a_task_is_said_in_full(tmp_path, change, message):
    assert messages_of(tmp_path, change) == [message]


@pytest.mark.parametrize(
    ("section", "new", "message"),
    [
        (
            "concepts",
            {"q": {"cifar_resnet": 0.1, "resnet50": 0.1}},
            "concepts.q.densenet121_truncated: is missing; run 'phantom-bce', whose maps are "
            "dumped, is of this network; add it, or `other` for all that are not named",
        ),
        (
            "cam_alignment",
            {"threshold": 0.0},
            "cam_alignment.threshold: found 0.0; Input should be greater than 0",
        ),
        (
            "cam_alignment",
            {"matched_share": 1.0},
            "cam_alignment.matched_share: found 1.0; Input should be less than 1",
        ),
    ],
)
def test_a_mistake_of_an_analysis_is_said_in_full(tmp_path, section, new, message):
    assert messages_of(tmp_path, at("analyses", section, **new), "analyses.yaml") == [message]


def test_traits_are_needed_of_the_networks_whose_maps_are_dumped(tmp_path):
    def change(values):
        at("analyses", "concepts", q={"cifar_resnet": 0.1})(values)
        runs("maps", "planted-ce")(values)

    params = load_changed(tmp_path, change)
    assert params.analyses.concepts.q == {"cifar_resnet": 0.1}
    assert params.analyses.dump_maps.layer == {}


def test_networks_that_are_not_named_have_the_trait_of_others(tmp_path):
    def change(values):
        at("analyses", "concepts", q={"cifar_resnet": 0.1, "other": 0.2})(values)

    concepts = load_changed(tmp_path, change).analyses.concepts
    assert [concepts.q_of(name) for name in ("cifar_resnet", "resnet18")] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"name": "torchvision", "architecture": "resnet 18"},
            "methods.bce.model.architecture: found 'resnet 18'; allowed: a name such as resnet18, "
            "of letters, digits, _, - and .",
        ),
        (
            {"name": "timm", "architecture": "hf_hub:some/one"},
            "methods.bce.model.architecture: found 'hf_hub:some/one'; allowed: a name such as "
            "resnet18, of letters, digits, _, - and .",
        ),
        (
            {"name": "python", "factory": "networks/mine.py"},
            "methods.bce.model.factory: found 'networks/mine.py'; allowed: "
            "package.module:function, such as networks.mine:build",
        ),
        (
            {"name": "python", "factory": "mine:build", "weights": "none"},
            "methods.bce.model.weights: unknown key; allowed: head, maps, name, factory, "
            "arguments",
        ),
    ],
)
def test_a_network_of_others_is_named_as_it_can_be(tmp_path, model, message):
    assert messages_of(tmp_path, at(*BCE, model=model)) == [message]


def test_a_network_of_others_has_defaults(tmp_path):
    given = {"name": "python", "factory": "mine:build", "arguments": {"a": [1, {"b": None}]}}
    models = [
        load_changed(tmp_path, at(*BCE, model=model)).methods["bce"].model
        for model in ({"name": "timm", "architecture": "vit_tiny"}, given)
    ]
    assert [model.model_dump(exclude={"name"}) for model in models] == [
        {"architecture": "vit_tiny", "weights": "none", "head": None, "maps": None},
        {key: given[key] for key in ("factory", "arguments")} | {"head": None, "maps": None},
    ]


def test_a_method_on_two_datasets_is_judged_on_both(tmp_path):
    def change(values):
        values["runs"]["phantom-ce"] = values["runs"]["phantom-bce"] | {"method": "ce"}

    assert messages_of(tmp_path, change) == [
        "methods.ce.loss.name: found 'ce'; allowed for dataset 'phantom': " + LABEL_LOSSES
    ]


def test_what_fits_a_task_is_valid(tmp_path):
    def change(values):
        at(*BCE, loss=focal(0.25), model={"name": "resnet8"})(values)
        at(*CE, loss=focal(None), model={"name": "resnet50", "weights": "none"})(values)
        at("datasets", "planted", image_size=64)(values)
        at(*PHANTOM, source=NIH, imbalance=THIN)(values)
        runs("saliency")(values)
        runs("maps", "planted-ce", "phantom-bce")(values)
        at("analyses", "dump_maps", layer={"cifar_resnet": "layer2"}, untrained=False)(values)
        at("analyses", "cam_alignment", threshold=1)(values)

    params = load_changed(tmp_path, change)
    assert params.dumps.maps.runs == ("planted-ce", "phantom-bce")
    assert params.dumps.saliency.runs == ()
    assert params.runs["phantom-bce"].loss.alpha == 0.25


@pytest.mark.parametrize(
    ("version", "level", "refused"),
    [(2017, "genus", True), (2017, "full", False), (2018, "genus", False)],
)
def test_a_rank_that_inaturalist_2017_does_not_tell_is_refused(tmp_path, version, level, refused):
    source = {"name": "inaturalist", "root": "x", "version": version, "level": level}
    source |= {"boxes": False, "max_test_per_class": None, "seed": 0, "digest": None}
    said = messages_of(tmp_path, at("datasets", "planted", source=source))  # of maps, too
    message = "datasets.planted.source.level: found 'genus'; allowed for 2017: 'super', 'full'"
    assert (message in said) == refused
