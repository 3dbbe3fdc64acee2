import shutil

import h5py
import numpy as np
import pytest

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.validation import pinned
from imbalens.validation.pinned import (
    DUMPS,
    GIVEN,
    MAX_BYTES,
    RESULTS,
    SHAKEN_BY,
    check_pinned,
    list_stages,
    pin,
    read_experiments,
)
from imbalens.validation.rules import Closeness
from imbalens.validation.values import read_values
from tests.tiny import ROOT

CLOSENESS = Closeness(relative=1e-6, absolute=1e-7)
PIPELINE = {
    "check": {"cmd": "x", "outs": ["data/checked.txt"]},
    "train": {
        "foreach": "${runs}",
        "do": {"outs": ["data/models/${key}.pt"], "metrics": [{"metrics/train/${key}.json": {}}]},
    },
    "concepts": {"foreach": "${dumps.maps.runs}", "do": {"metrics": [{"m": {"cache": False}}]}},
    "report": {"outs": ["plots/report.html"]},
    "focus": {"metrics": [{"metrics/focus.json": {"cache": False}}]},
}
PARAMS = {"runs": {"a": {}, "b": {}}, "dumps": {"maps": {"runs": ["b"]}}}


@pytest.mark.parametrize(
    ("kind", "stages"),
    [("make", ["train@a", "train@b"]), ("judge", ["concepts@b", "focus"])],
)
def test_stages_are_those_of_dvc_yaml(kind, stages):
    assert list(list_stages({"stages": PIPELINE}, PARAMS, kind)) == stages


def test_the_project_s_own_analyses_are_pinned_but_for_what_the_set_names():
    own = read_yaml(ROOT / "analyses.yaml")
    experiments = read_experiments(ROOT)
    for name, changes in read_yaml(ROOT / "validation/params.yaml")["analyses"].items():
        analyses = experiments[name]["analyses"]
        assert analyses.keys() == own.keys()
        for key, values in analyses.items():
            assert values == own[key] | changes.get(key, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- x\n", "the whole file: found ['x']; "),
        ("runs: {}\n", "analyses: is missing"),
        ("analyses: [1]\n", "analyses: found [1]; "),
        ("analyses: {a: 1}\n", "analyses.a: found 1; "),
        ("analyses: {a: {performance: 1}}\n", "analyses.a.performance: found 1; "),
        ("analyses: {../../a: {}}\n", "analyses: found the name '../../a'; "),
        ("analyses: {a: {performances: {}}}\n", "analyses.a: unknown keys performances"),
    ],
)
def test_an_experiment_that_is_none_is_an_error(tmp_path, text, message):
    (tmp_path / pinned.FOLDER).mkdir()
    (tmp_path / pinned.EXPERIMENT).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "analyses.yaml", tmp_path)
    with pytest.raises(InputError) as caught:
        read_experiments(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / pinned.EXPERIMENT}: {message}")


def test_every_analysis_of_the_pipeline_is_pinned():
    """Every file that git keeps of a judging stage has its like among the pinned results."""
    pipeline = read_yaml(ROOT / "dvc.yaml")["stages"]
    for name, values in read_experiments(ROOT).items():
        kept = {place.split(":")[0] for place in read_values(ROOT / RESULTS / name)}
        stages = list(list_stages({"stages": pipeline}, values, "judge"))
        assert len(stages) > 20
        for stage in stages:
            analysis, _, item = stage.partition("@")
            body = pipeline[analysis].get("do", pipeline[analysis])
            outputs = [
                path.replace("${key}", item).replace("${item}", item)
                for key in ("outs", "metrics", "plots")
                for out in body.get(key, [])
                if isinstance(out, dict)
                for path in out
            ]
            assert outputs
            assert set(outputs) <= kept, stage


def test_pinned_dumps_are_small():
    files = [path for path in (ROOT / DUMPS).rglob("*.*") if path.is_file()]
    assert len(files) > 20
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    places = {path.relative_to(ROOT / DUMPS).as_posix() for path in files}
    assert all(place.startswith(GIVEN) for place in places)


def test_nothing_pinned_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"results is empty.*imbalens validate pin"):
        check_pinned(tmp_path, CLOSENESS)


def write_dump(path):
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file.attrs["schema"] = "features"
        file.create_group("head").attrs["kind"] = "linear"
        features = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32)
        file.create_dataset("train/features", data=features, chunks=(16, 7))
        file.create_dataset("train/targets", data=np.arange(60))
        file.create_dataset("names", data=["ü", "b"], dtype=h5py.string_dtype())
    return features


def test_compressing_changes_nothing_but_the_size(tmp_path):
    features = write_dump(tmp_path / "a" / "x.h5")
    pinned._compress(tmp_path / "a" / "x.h5", tmp_path / "y.h5")
    with h5py.File(tmp_path / "y.h5") as file:
        assert dict(file.attrs) == {"schema": "features"}
        assert dict(file["head"].attrs) == {"kind": "linear"}
        assert file["train/features"].chunks == (16, 7)
        assert file["train/features"].compression == "gzip"
        assert np.array_equal(file["train/features"], features)
        assert file["train/features"].dtype == np.float32
        assert list(file["names"].asstr()) == ["ü", "b"]


def test_shaking_moves_every_float_by_no_more_than_its_rounding(tmp_path):
    path = tmp_path / "a" / "x.h5"
    features = write_dump(path)
    pinned._shake(path)
    with h5py.File(path) as file:
        moved = np.abs(file["train/features"][:] / features.astype(float) - 1)
        assert np.array_equal(file["train/targets"], np.arange(60))
    assert 0 < moved.max() < 1.2 * SHAKEN_BY
    assert (moved > 0).mean() > 0.5


@pytest.fixture
def computed(monkeypatch):
    """Results of analyses that a test names, by whether the dumps were shaken."""
    results = {False: "0.5", True: "0.5"}

    def compute(_, into, *, shaken=False):
        (into / "default").mkdir(parents=True)
        text = f"archetype,share\nsafe,{results[shaken]}\n"
        (into / "default" / "a.csv").write_text(text, encoding="utf-8")

    monkeypatch.setattr(pinned, "compute_results", compute)
    return results


def test_pinning_tells_what_changed_and_then_holds(tmp_path, computed):
    assert len(pin(tmp_path, dumps=False)) == 3
    assert check_pinned(tmp_path, CLOSENESS) == (3, [])
    computed.update({False: "0.75", True: "0.75"})
    _, (difference,) = check_pinned(tmp_path, CLOSENESS)
    assert (difference.before, difference.now) == (0.5, 0.75)
    assert pin(tmp_path, dumps=False) == [difference]
    assert check_pinned(tmp_path, CLOSENESS) == (3, [])


def test_a_result_that_hangs_on_a_rounding_error_is_not_pinned(tmp_path, computed):
    pin(tmp_path, dumps=False)
    computed[True] = "3"
    with pytest.raises(InputError, match=r"changes 1 results(?s:.*)2:share: 0\.5 or 3"):
        pin(tmp_path, dumps=False)
    assert (tmp_path / RESULTS / "default" / "a.csv").exists(), "what was pinned stays"
