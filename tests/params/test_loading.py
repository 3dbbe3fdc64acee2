import copy
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imbalens.commands import check
from imbalens.errors import InputError
from imbalens.params.dvc_yaml import format_yaml, parse_yaml, read_yaml
from imbalens.params.experiment import all_settings
from imbalens.params.loading import DEFAULTS_PATH, load_params
from tests.tiny import ROOT, read_values, vary, without_repeats, write_params

SHIPPED = without_repeats(read_values(ROOT))
PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))


def load_changed(tmp_path, change):
    values = copy.deepcopy(SHIPPED)
    change(values)
    write_params(tmp_path, values)
    return load_params(tmp_path / "params.yaml")


def at(*keys, **new):
    """A change: update the mapping under `keys`."""

    def change(values):
        for key in keys:
            values = values.setdefault(key, {})
        values.update(new)

    return change


RUN = ("runs", "planted-ce")
CE = ("methods", "ce")
LDAM = ("methods", "ldam_drw")
IMBALANCE = ("datasets", "planted", "imbalance")
QUICK = ("recipes", "quick")
STEPS = {"name": "steps", "warmup_epochs": 0, "milestones": [{"epoch": 14, "factor": 0.1}]}


@pytest.mark.parametrize("path", [ROOT / "params.yaml", *PROFILES], ids=lambda p: p.name)
def test_shipped_files_are_valid(path):
    params = load_params(path)
    assert params.focus in all_settings(params)


@pytest.mark.parametrize("path", PROFILES, ids=lambda p: p.name)
def test_a_profile_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 90


@pytest.mark.parametrize("kind", ["exp", "step"])
@pytest.mark.parametrize(("given", "order"), [({}, "label"), ({"order": "size"}, "size")])
def test_an_imbalance_takes_the_defaults_that_go_with_its_kind(tmp_path, kind, given, order):
    made = {"kind": kind, "ratio": 2, "n_max": None}
    made |= {"selection": {"name": "seeded", "seed": 0}, **given}
    params = load_changed(tmp_path, at("datasets", "planted", imbalance=made))
    assert params.datasets["planted"].imbalance.order == order


def test_natural_imbalance_has_no_order(tmp_path):
    natural = {"kind": "natural", "n_max": None, "order": "size"}
    natural |= {"selection": {"name": "seeded", "seed": 0}}
    with pytest.raises(InputError, match=r"planted\.imbalance\.order: unknown key"):
        load_changed(tmp_path, at("datasets", "planted", imbalance=natural))


def test_an_imbalance_is_not_chosen_by_default(tmp_path):
    with pytest.raises(InputError, match=r"datasets\.planted\.imbalance: is missing"):
        load_changed(tmp_path, lambda values: values["datasets"]["planted"].pop("imbalance"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            at(*CE, "loss", name="cee"),
            "methods.ce.loss.name: found 'cee'; allowed: 'ce', 'weighted_ce', 'focal', 'cb', "
            "'ldam', 'balanced_softmax', 'logit_adjustment', 'bce', 'wbce', 'cb_focal', "
            "'asymmetric'$",
        ),
        (
            at(*LDAM, "loss", scal=30),
            "methods.ldam_drw.loss.scal: unknown key; did you mean 'scale'\\? "
            "allowed: name, max_margin, scale",
        ),
        (at(*LDAM, "loss", scale="30"), "methods.ldam_drw.loss.scale: found '30'; .*number"),
        (
            at(*IMBALANCE, ratio=-3),
            "datasets.planted.imbalance.ratio: found -3; .*greater than or equal to 1",
        ),
        (at(*IMBALANCE, ratio="x"), "datasets.planted.imbalance.ratio: found 'x'; .*number"),
        (
            at(*IMBALANCE, kind="long"),
            "datasets.planted.imbalance.kind: found 'long'; allowed: 'exp', 'step', 'natural', "
            "'cap_negatives', 'thin_positives'$",
        ),
        (
            at("datasets", "planted", "source", name="imagenet"),
            "datasets.planted.source.name: found 'imagenet'; allowed: 'planted', 'folder', "
            "'arrays', 'lists', 'table', 'features', 'places365', 'inaturalist', 'cifar10', "
            "'cifar100', 'nih', 'phantom_cxr'$",
        ),
        (
            at(*CE, "model", name="resnet9"),
            "methods.ce.model.name: found 'resnet9'; .*'resnet8'",
        ),
        (at(*RUN, dataset="x"), "runs.planted-ce.dataset: found 'x'; allowed: planted, phantom"),
        (at(*RUN, recipe="x"), "runs.planted-ce.recipe: found 'x'; allowed: quick"),
        (at(focus="x"), "focus: found 'x'; allowed: .*planted/ce"),
        (at(fokus="x"), "fokus: unknown key; did you mean 'focus'\\?"),
        (
            at(*LDAM, drw={"start_epoch": 99, "beta": 0.9}),
            "methods.ldam_drw.drw.start_epoch: found 99; allowed: below the",
        ),
        (
            at("recipes", "quick", model_selection="best_validation"),
            "recipes.quick.model_selection: .*datasets.planted.validation.share is 0",
        ),
        (
            at(*CE, loss={"gamma": 2}),
            "methods.ce.loss: has no name; found {'gamma': 2}; allowed as name: 'ce', "
            "'weighted_ce', 'focal', 'cb', 'ldam', 'balanced_softmax', 'logit_adjustment', 'bce', "
            "'wbce', 'cb_focal', 'asymmetric'$",
        ),
        (
            at(*IMBALANCE, ratio=math.inf),
            "datasets.planted.imbalance.ratio: found inf; .*finite number",
        ),
        (at(*IMBALANCE, n_max=99999999999999999999), r".*n_max: found 9+; .*less than 2147483648"),
        (
            at("datasets", "planted", image_size=1025),
            "datasets.planted.image_size: found 1025; .*less than or equal to 1024",
        ),
        (
            at("datasets", "planted", resize="stretch"),
            "datasets.planted.resize: found 'stretch'; Input should be 'squash', 'crop' or 'pad'",
        ),
        (
            at("datasets", "planted", resize="crop"),
            "datasets.planted.resize: found 'crop'; allowed for source 'planted': squash",
        ),
        (
            at("datasets", "phantom", bits=12),
            "datasets.phantom.bits: found 12; allowed for source 'phantom_cxr': null",
        ),
        (at("datasets", "planted", bits=17), "datasets.planted.bits: found 17; .*equal to 16"),
        (
            at(*QUICK, "schedule", warmup_epochs=14),
            "recipes.quick.schedule.warmup_epochs: found 14; allowed: below the 14 epochs of "
            "recipes.quick",
        ),
        (
            at(*QUICK, schedule=STEPS),
            "recipes.quick.schedule.milestones.0.epoch: found 14; allowed: below the 14 epochs",
        ),
        (
            at("recipes", "quick", schedule={"name": "steps", "warmup_epochs": 0}),
            "recipes.quick.schedule.milestones: is missing",
        ),
        (
            at("false_positives", "planted", baseline="x"),
            "false_positives.planted.baseline: found 'x'; allowed: .*planted-ce",
        ),
        (
            at("false_positives", "planted", other="planted-ce"),
            "false_positives.planted: baseline and other are both 'planted-ce'",
        ),
    ],
)
def test_a_mistake_is_one_error_that_names_file_key_found_and_allowed(tmp_path, change, message):
    with pytest.raises(InputError, match=rf"params\.yaml: {message}"):
        load_changed(tmp_path, change)


@pytest.mark.parametrize(
    ("section", "new", "message"),
    [
        ("adversaries", {"eps": math.nan}, "adversaries.eps: found nan; .*finite number"),
        (
            "feature_overlap",
            {"top_k": 0},
            "feature_overlap.top_k: found 0; .*greater than or equal to 1",
        ),
        (
            "performance",
            {"many_above": 100, "few_below": 102},
            "performance: .*needs few_below <= many_above \\+ 1",
        ),
        (
            "performance",
            {"split": "val"},
            "performance.split: found 'val', but datasets.planted.validation.share is 0; "
            "set a share, null where the source has validation images, or use 'train' or "
            r"'test'(?m:$)",
        ),
        (
            "adversaries",
            {"split": "val"},
            "adversaries.split: found 'val', but datasets.planted.validation.share is 0",
        ),
        (
            "archetypes",
            {"border_from": 4},
            "archetypes: .*needs n_neighbors >= safe_from > border_from > rare_from",
        ),
        ("archetype", {}, "archetype: unknown key; did you mean 'archetypes'\\?"),
    ],
)
def test_a_mistake_in_how_things_are_measured_names_that_file(tmp_path, section, new, message):
    with pytest.raises(InputError, match=rf"analyses\.yaml: {message}"):
        load_changed(tmp_path, at("analyses", section, **new))


def test_how_things_are_measured_is_one_for_all_experiments(tmp_path, monkeypatch):
    """Profiles lie in a folder without analyses.yaml; a file beside the experiment comes first."""
    for place, k in (("", 5), ("other", 9)):
        at("analyses", "archetypes", n_neighbors=k)(values := copy.deepcopy(SHIPPED))
        (tmp_path / place).mkdir(exist_ok=True)
        write_params(tmp_path / place, values)
    (tmp_path / "profiles").mkdir()
    shutil.copy(tmp_path / "params.yaml", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)
    found = [
        load_params(Path(place, "params.yaml")).analyses.archetypes.n_neighbors
        for place in ("", "other", "profiles")
    ]
    assert found == [5, 9, 5]
    Path("analyses.yaml").unlink()
    with pytest.raises(InputError, match=r"^analyses\.yaml: cannot be read \(No such file"):
        load_params()


def test_how_things_are_measured_has_no_place_in_params_yaml(tmp_path):
    text = format_yaml({**SHIPPED, "analyses": {}})
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"params\.yaml: analyses: unknown key; .*allowed: focus"):
        load_params(tmp_path / "params.yaml")


def test_all_mistakes_are_reported_at_once(tmp_path):
    def change(values):
        at(*CE, "loss", name="cee")(values)
        at(*IMBALANCE, ratio=0)(values)

    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, change)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("focus: a\nfocus: b\n", "key 'focus' stands twice"),
        ("focus: [", "is not valid YAML"),
        ("- 1", "the whole file: found "),
        ("focus: 2024-01-01", "found the date 2024-01-01; write it in quotes"),
        ("[1, 2]: 3", "found unhashable key"),
        ("{a: b}: 3", "found unhashable key"),
        ("focus: &x [*x]", "line 1: *x stands in &x, which it repeats; write it out"),
        ("focus: !!set {a, b}", "line 1: found the tag !!set; write the value without"),
        ("focus: na\xefve", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_mapping_of_keys(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"(?s)params\.yaml: .*{re.escape(message)}"):
        load_params(path)


def test_settings_at_the_edge_of_what_is_allowed(tmp_path):
    def change(values):
        milestones = [{"epoch": 13, "factor": 0.1}]
        at(*QUICK, schedule=STEPS | {"warmup_epochs": 13, "milestones": milestones})(values)
        at("datasets", "planted", image_size=256)(values)
        for name in ("planted", "phantom"):
            at("datasets", name, "validation", share=0.1)(values)
        at("analyses", "performance", split="val", many_above=100, few_below=101)(values)
        at("analyses", "adversaries", split="val")(values)
        at("analyses", "feature_overlap", top_k=65)(values)
        at(focus="planted/2024-01-01")(values)
        vary(values, "2024-01-01", "planted-ce", drw={"start_epoch": 1, "beta": 0.9})

    params = load_changed(tmp_path, change)
    assert params.analyses.performance.split == "val"
    assert params.focus == "planted/2024-01-01"


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read"):
        load_params(tmp_path / "nowhere.yaml")


def test_exponents_need_no_decimal_point(tmp_path):
    write_params(tmp_path, SHIPPED)
    text = (ROOT / "analyses.yaml").read_text(encoding="utf-8").replace("eps: 1.0e-5", "eps: 2e-5")
    (tmp_path / "analyses.yaml").write_text(text, encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").analyses.adversaries.eps == 2e-5


def test_command_line_says_what_is_wrong_without_a_traceback(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        (ROOT / "params.yaml")
        .read_text(encoding="utf-8")
        .replace("focus: planted/ce ", "focus: x "),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "imbalens", "check", str(path)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 1
    assert "mine.yaml: focus: found 'x'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "given", ["", ".", "/", "..", "a\0b", "\udcff", "\x1b", "x" * 10_000, "d/" * 5000 + "p.yaml"]
)
def test_a_path_of_any_form_is_read_or_refused(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        load_params(Path(given))


@pytest.mark.parametrize("path", [ROOT / "params.yaml", *PROFILES], ids=lambda p: p.name)
def test_in_full_a_file_says_the_same(tmp_path, path, monkeypatch, capsys):
    monkeypatch.setattr(check, "recover", lambda _: [])
    check.main(["--full", str(path)])
    full = capsys.readouterr().out
    (tmp_path / "params.yaml").write_text(full, encoding="utf-8")
    assert load_params(tmp_path / "params.yaml") == load_params(path)
    values = parse_yaml(full)
    for section, defaults in read_yaml(DEFAULTS_PATH).items():
        assert all(defaults.keys() <= item.keys() for item in values[section].values())


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ({}, {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4}),
        ({"lr": 0.3}, {"name": "sgd", "lr": 0.3, "momentum": 0.9, "weight_decay": 2e-4}),
        ({"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}, {"lr": 0.1, "momentum": 0.0}),
        ({"name": "adam", "lr": 0.3, "weight_decay": 0}, {"name": "adam", "lr": 0.3}),
    ],
)
def test_what_is_given_in_part_is_filled_up_and_another_choice_is_not(tmp_path, given, filled):
    params = load_changed(tmp_path, at(*QUICK, optimizer=given))
    optimizer = params.recipes["quick"].optimizer
    assert filled.items() <= optimizer.model_dump().items()


@pytest.mark.parametrize(
    ("given", "filled"), [({}, "multiclass"), ({"task": "multilabel"}, "multilabel")]
)
def test_a_choice_takes_the_defaults_that_go_with_its_name(tmp_path, given, filled):
    source = {"name": "arrays", "path": "a.npz", "digest": None} | given
    natural = {"kind": "natural", "n_max": None, "selection": {"name": "seeded", "seed": 0}}
    change = at("datasets", "mine", source=source, image_size=8, imbalance=natural)
    assert load_changed(tmp_path, change).datasets["mine"].source.task == filled


def test_a_folder_without_more_has_no_split_groups_or_boxes(tmp_path):
    source = {"name": "folder", "root": "mine", "digest": None}
    natural = {"kind": "natural", "n_max": None, "selection": {"name": "seeded", "seed": 0}}
    for boxes in (None, "boxes.csv"):
        given = source | ({"boxes": boxes} if boxes else {})
        change = at("datasets", "mine", source=given, image_size=8, imbalance=natural)
        found = load_changed(tmp_path, change).datasets["mine"].source
        assert (found.split, found.groups, found.boxes) == (None, None, boxes)
        assert found.has_boxes == (boxes is not None)


def test_what_has_a_default_for_each_choice_is_not_chosen_by_default(tmp_path):
    with pytest.raises(InputError, match=r"datasets\.planted\.source: is missing"):
        load_changed(tmp_path, lambda values: values["datasets"]["planted"].pop("source"))


def test_another_choice_needs_all_that_is_its_own(tmp_path):
    message = "recipes.quick.optimizer.weight_decay: is missing"
    with pytest.raises(InputError, match=message):
        load_changed(tmp_path, at(*QUICK, optimizer={"name": "adam", "lr": 0.3}))


def test_null_is_no_gap(tmp_path):
    with pytest.raises(InputError, match=r"recipes\.quick\.epochs: found None"):
        load_changed(tmp_path, at(*QUICK, epochs=None))


@pytest.mark.parametrize("text", ["no", "1e3", "014", "~", "a: b", "naïve", "=", "#x"])
def test_what_is_written_reads_as_the_same_text(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(format_yaml({text: [text, {"x": text}]}), encoding="utf-8")
    assert read_yaml(path) == {text: [text, {"x": text}]}
