import json
from pathlib import Path

import pytest
import yaml

from imbalens.errors import InputError
from imbalens.gather import READS, WITH_BASELINES
from stages import gather
from tests.tiny import LABEL_RUNS, ROOT, RUNS, method_of, setting_name, tiny_params, write_params

CE, LDAM = RUNS
ALL = set(READS)
VALUES = tiny_params((*RUNS, *LABEL_RUNS))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An experiment of two datasets, with a file of some bytes wherever a run may have one."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, VALUES)
    for reads in READS.values():
        for read in reads:
            for run in VALUES["runs"]:
                path = Path(read.path.format(run=run))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{path}", encoding="utf-8")
    return tmp_path


def gathered(dataset="planted"):
    gather.main([dataset])
    return {stage: Path(f"data/gathered/{stage}/{dataset}.json").read_bytes() for stage in READS}


def differing(before):
    after = gathered()
    return {stage for stage in READS if before[stage] != after[stage]}


def edited(edit):
    """The experiment after an edit of its values."""
    values = yaml.safe_load(yaml.safe_dump(VALUES))
    edit(values)
    return values


@pytest.mark.usefixtures("workspace")
def test_a_file_lists_the_runs_of_its_dataset_and_what_is_read_of_each():
    read = json.loads(gathered("phantom")["compare"])
    assert [run["name"] for run in read["runs"]] == list(LABEL_RUNS)
    assert {run["loss"]["name"] for run in read["runs"]} == {"bce", "cb_focal"}
    assert sorted(read["files"]) == sorted(
        path.format(run)
        for path in (
            "metrics/performance/{}.json",
            "metrics/cam_alignment/{}.json",
            "metrics/concepts/{}.json",
            "plots/cam_examples/{}.csv",
        )
        for run in LABEL_RUNS
    )
    assert {len(digest) for digest in read["files"].values()} == {64}


def test_only_runs_that_have_saliency_or_maps_have_their_files(workspace):
    def drop(values):
        values["dumps"]["saliency"]["runs"] = [LDAM]
        values["dumps"]["maps"]["runs"] = []

    write_params(workspace, edited(drop))
    listed = {stage: list(json.loads(text)["files"]) for stage, text in gathered().items()}
    assert f"plots/saliency_colours/{CE}.csv" not in listed["claims"]
    assert f"plots/saliency_colours/{LDAM}.csv" in listed["claims"]
    assert listed["compare"] == [f"metrics/performance/{run}.json" for run in RUNS]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("path", "stages"),
    [
        (f"data/dumps/features/{CE}.h5", {"differences", "changes", "explore"}),
        (f"data/instances/archetypes/{CE}.csv", {"changes"}),
        (f"data/instances/concepts/{CE}.csv", {"differences"}),
        (f"plots/adversaries/{CE}.csv", {"differences", "changes", "claims"}),
        (f"plots/saliency_colours/{CE}.csv", {"changes", "claims"}),
        (f"plots/cam_examples/{CE}.csv", {"compare"}),
        (f"data/dumps/features/{LABEL_RUNS[0]}.h5", set()),
        (f"plots/performance/{LABEL_RUNS[0]}.csv", set()),
    ],
)
def test_a_changed_file_changes_what_reads_it(path, stages):
    before = gathered()
    Path(path).write_bytes(b"other")
    assert differing(before) == stages


@pytest.mark.parametrize(
    ("edit", "stages"),
    [
        (lambda v: method_of(v, LDAM)["loss"].update(max_margin=0.4), ALL),
        (lambda v: v["runs"][LDAM].update(seed=7), ALL),
        (lambda v: v["recipes"]["quick"].update(epochs=3), ALL),
        (lambda v: v["runs"].pop(CE), ALL),
        (lambda v: v["runs"].update({LDAM: v["runs"].pop(LDAM), CE: v["runs"].pop(CE)}), ALL),
        (lambda v: v.update(baselines=["planted/ldam_drw"]), set(WITH_BASELINES)),
        (lambda v: v.update(baselines=[setting_name(v, LABEL_RUNS[1])]), set()),
        (lambda v: method_of(v, LABEL_RUNS[1])["loss"].update(gamma=1.0), set()),
        (lambda v: v["runs"].pop(LABEL_RUNS[1]), set()),
        (lambda v: v["recipes"]["quick_cxr"].update(epochs=3), set()),
        (lambda v: v["datasets"]["phantom"].update(image_size=64), set()),
        (lambda v: v["dumps"]["maps"]["runs"].remove(LABEL_RUNS[1]), set()),
        (lambda v: v["dumps"]["maps"]["runs"].remove(CE), ALL),
        (lambda v: v["dumps"]["saliency"]["runs"].remove(CE), {"changes", "claims"}),
    ],
)
def test_changed_parameters_change_what_compares_these_runs(workspace, edit, stages):
    before = gathered()

    def edit_and_tidy(values):
        edit(values)
        runs = values["runs"]
        for kind in ("saliency", "maps"):
            listed = values["dumps"][kind]["runs"]
            values["dumps"][kind]["runs"] = [run for run in listed if run in runs]
        values["false_positives"] = {}
        values["focus"] = "planted/ldam_drw"

    write_params(workspace, edited(edit_and_tidy))
    assert differing(before) == stages


@pytest.mark.usefixtures("workspace")
def test_a_missing_file_is_named_with_what_writes_it():
    Path(f"plots/adversaries/{CE}-classes.csv").unlink()
    with pytest.raises(
        InputError, match=rf"adversaries/{CE}-classes\.csv is missing; run: dvc re"
    ):
        gather.main(["planted"])


@pytest.mark.usefixtures("workspace")
def test_an_unknown_dataset_is_refused():
    with pytest.raises(InputError, match="datasets: found 'other'; allowed: planted, phantom"):
        gather.main(["other"])


def test_dvc_yaml_has_stages_wait_for_what_is_gathered_of_their_dataset():
    """And for nothing in which the runs of all datasets meet."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    of_gather = stages["gather"]["do"]
    assert of_gather["outs"] == [f"data/gathered/{stage}/${{key}}.json" for stage in READS]
    for name, reads in READS.items():
        body = stages[name]["do"]
        assert f"data/gathered/{name}/${{key}}.json" in body["deps"]
        for dep in body["deps"]:
            shared = dep.startswith(("data/", "metrics/", "plots/")) and "${key}" not in dep
            assert not shared, (name, dep)
        for parameter in body["params"]:
            if isinstance(parameter, dict):
                assert list(parameter) == ["analyses.yaml"], name
            else:
                assert parameter.startswith("datasets.${key}."), name
        for read in reads:
            path = Path(read.path)
            assert any(path.is_relative_to(dep) for dep in of_gather["deps"]), read
            body = stages[read.stage]["do"]
            written = [
                out if isinstance(out, str) else next(iter(out))
                for kind in ("outs", "metrics", "plots")
                for out in body.get(kind, [])
            ]
            key = "{item}" if "${item}" in body["cmd"] else "{key}"
            assert read.path.replace("{run}", f"${key}") in written, read
