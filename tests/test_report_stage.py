"""The stage `report`: what it finds in a project, and what it says of what it does not find."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.reading import page as reading
from imbalens.reading.report import read_dataset, read_prototypes
from imbalens.reports.common.dark import with_dark
from imbalens.reports.differences.paper_layout import paper_json
from imbalens.reports.page.runs import describe_runs
from imbalens.store.files import write_json
from imbalens.store.prepared import read_split
from imbalens.tables import cam_alignment, compare, performance
from imbalens.tables.adversaries import ADVERSARIES
from imbalens.tables.changes import FLOW, SIMILARITY
from imbalens.tables.claims import CLAIMS, PRIOR_SHIFT
from imbalens.tables.differences import DIFFERENCES
from imbalens.tables.summary import SUMMARY
from imbalens.tables.train import HISTORY
from stages import report
from tests.map_cases import BCE, CE, LDAM, experiment
from tests.page_cases import ROSE, claims, decode, differences, headlines, papers
from tests.table_cases import save
from tests.tiny import vary, write_params

OUTPUT = Path("plots/report.html")


@pytest.fixture
def project(maps_workspace):
    """Prepared data and maps of networks with random weights."""
    return maps_workspace


def draw(path, size=(30, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)


def read(name):
    return read_dataset(name, load_params())


@pytest.mark.usefixtures("project")
def test_the_page_is_written_and_tells_what_is_absent():
    report.main([])
    page = OUTPUT.read_text(encoding="utf-8")
    assert len(page.encode()) < report.MAX_BYTES
    assert "/* vega-lite-5" in page
    assert f"<li>plots/performance/{CE}.csv: <code>dvc repro performance@{CE}</code></li>" in page
    assert "<code>dvc repro claims@planted</code>" in page
    assert page.count("Generated: the images.") == 1
    assert page.count("Generated: the pixels; labels, patients,") == 1
    first = OUTPUT.read_bytes()
    report.main([])
    assert OUTPUT.read_bytes() == first


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("metrics/prepare/planted.json", "dvc repro prepare@planted"),
        ("data/prepared/planted.h5", "dvc repro prepare@planted"),
        (f"plots/cam_examples/{CE}.csv", f"dvc repro cam_alignment@{CE}"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_no_page_can_do_without_is_an_error(missing, message):
    Path(missing).unlink()
    with pytest.raises(InputError) as caught:
        report.main([])
    assert missing in str(caught.value)
    assert str(caught.value).endswith(message)
    assert not OUTPUT.exists()


@pytest.mark.usefixtures("project")
def test_tables_are_those_of_the_runs_of_the_dataset():
    for run in (CE, LDAM, BCE, "planted-gone"):
        save(HISTORY, run, {"epoch": [0], "loss": [1.5]})
    for name in ("planted", "phantom", "planted2"):
        save(compare.SETTINGS, name, {"setting": ["planted/ce"], "accuracy": [0.5]})
        save(DIFFERENCES, name, differences())
    save(FLOW, "planted", {"count": [1]})
    save(SUMMARY, "", headlines(ROSE).assign(dataset="planted", setting="planted/ldam_drw"))
    save(CLAIMS, "planted", claims())
    sentence = pd.DataFrame({"measure": ["IoBB"], "sentence": ["not measured: no maps."]})
    save(PRIOR_SHIFT, "planted", sentence)
    found = read("planted")
    assert found.of_runs["train"]["run"].tolist() == [CE, LDAM]
    assert found.of_runs["train"]["loss"].tolist() == ["1.5", "1.5"]
    assert found.settings is not None
    assert list(found.tables) == ["Archetypes before and after, planted"]
    assert found.sentences[0].startswith("planted/ldam_drw against toy/ce: balanced accuracy rose")
    assert found.differences is not None
    assert found.claims is not None
    assert found.prior_shift is not None
    assert found.prior_shift.to_dict("list") == sentence.to_dict("list")
    assert found.claims["section"].tolist() == ["4.10", "4.10"]
    lacking = [what for what, _ in found.missing]
    assert f"plots/performance/{CE}.csv" in lacking
    assert not {"the runs side by side", "verdicts on the papers' claims"} & set(lacking)
    assert set(read("phantom").of_runs["train"]["run"]) == {BCE}


@pytest.mark.usefixtures("project")
def test_of_adversaries_only_errors_and_neighbours_are_shown():
    kinds = ["errors", "FDR", "neighbours", "random"]
    shares = pd.DataFrame({"class": "a", "adversary": "b", "share": 0.5, "kind": kinds})
    save(ADVERSARIES, CE, shares)
    assert read("planted").of_runs["adversaries"]["kind"].tolist() == ["errors", "neighbours"]


@pytest.mark.usefixtures("project")
def test_the_papers_tables_are_those_of_the_dataset():
    tables = papers()
    write_json(Path("plots/differences/planted-tables.json"), paper_json(tables))
    assert [one.title for one in read("planted").papers] == [one.title for one in tables]
    assert read("phantom").papers == []


@pytest.mark.usefixtures("project")
def test_a_stage_that_a_run_does_not_have_is_not_missed():
    values = experiment()
    values["dumps"]["maps"]["runs"] = [CE]
    values["dumps"]["saliency"]["runs"] = []
    write_params(Path(), values)
    lacking = [what for what, _ in read("planted").missing]
    assert f"plots/concepts/{CE}.csv" in lacking
    assert f"plots/concepts/{LDAM}.csv" not in lacking
    assert not [what for what in lacking if "saliency" in what]


@pytest.mark.usefixtures("project")
def test_figures_of_runs_that_are_no_more_are_not_shown():
    shutil.rmtree("plots")
    for name in (CE, f"{CE}-confusion", f"{CE}-seed1-confusion", "planted-gone-confusion"):
        draw(Path(f"plots/figures/performance/{name}.png"))
    draw(Path("plots/figures/prepare/planted.png"), (3200, 100))
    for name in ("planted", "planted-flow", "planted2-flow"):
        draw(Path(f"plots/figures/changes/{name}.png"))
    owners = {"performance": [CE, LDAM], "prepare": ["planted"], "changes-flow": ["planted"]}
    figures = reading.find_figures(owners)
    assert [item.path for item in figures] == [
        "plots/figures/prepare/planted.png",
        "plots/figures/changes/planted-flow.png",
        f"plots/figures/performance/{CE}-confusion.png",
    ]
    assert (figures[0].width, figures[0].height) == (1600, 50)


def figures_of(stage):
    return [Path(item.path).stem for item in read("planted").figures if item.stage == stage]


@pytest.mark.usefixtures("project")
def test_maps_of_the_same_images_are_shown_once():
    for run in (CE, LDAM):
        save(cam_alignment.CLASSES, run, {"class": ["x"], "iobb": [1]})
        draw(Path(f"plots/figures/cam_alignment/{run}-cams.png"))
    draw(Path("plots/figures/compare/planted-cams.png"))
    assert (figures_of("compare"), figures_of("cam_alignment")) == (["planted-cams"], [CE, LDAM])
    values = experiment()
    values["dumps"]["maps"]["runs"] = [CE]
    write_params(Path(), values)
    assert (figures_of("compare"), figures_of("cam_alignment")) == ([], [f"{CE}-cams", CE])


@pytest.mark.usefixtures("project")
def test_a_figure_that_says_why_there_is_none_is_not_shown():
    draw(Path(f"plots/figures/performance/{CE}-confusion.png"))
    draw(Path("plots/figures/changes/planted-flow.png"))
    save(performance.CLASSES, CE, {"class": [], "recall": []})
    save(FLOW, "planted", {"count": []})
    assert figures_of("performance") == figures_of("changes") == []
    save(performance.CLASSES, CE, {"class": ["x"], "recall": [1]})
    save(FLOW, "planted", {"count": [1]})
    assert figures_of("performance") == [f"{CE}-confusion"]
    assert figures_of("changes") == ["planted-flow"]


@pytest.mark.usefixtures("project")
def test_each_pair_of_runs_stands_once():
    pairs = [(CE, CE), (CE, LDAM), (LDAM, CE), (LDAM, LDAM)]
    table = {"run": [a for a, _ in pairs], "other": [b for _, b in pairs], "cka": [1, 0.5, 0.5, 1]}
    save(SIMILARITY, "planted", table)
    (found,) = read("planted").tables.values()
    assert found[["run", "other"]].to_numpy().tolist() == [[CE, LDAM]]


@pytest.mark.usefixtures("project")
def test_a_figure_brings_its_variant_for_dark_paper():
    light, dark = Path("plots/figures/prepare/planted.png"), Path("dark.png")
    draw(light)
    Image.new("RGB", (30, 20), "navy").save(dark)
    light.write_bytes(with_dark(light.read_bytes(), dark.read_bytes()))
    (found,) = reading.find_figures({"prepare": ["planted"]})
    assert decode(found.source).convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert decode(found.dark).convert("RGB").getpixel((5, 5)) == (0, 0, 128)


DAMAGED = {
    "metrics/prepare/planted.json": ('{"counts": {', "prepare@planted"),
    "plots/differences/planted-tables.json": ('{"a": {"name": "a"}}', "differences@planted"),
    f"plots/figures/performance/{CE}-confusion.png": ("\x89PNG", f"performance@{CE}"),
    f"plots/performance/{CE}.csv": ("", f"performance@{CE}"),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("path", "content", "stage"), [(p, *of) for p, of in DAMAGED.items()])
def test_a_damaged_file_says_what_to_run(path, content, stage):
    save(performance.CLASSES, CE, {"class": ["x"], "recall": [1]})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=rf"^{path} .*; run: dvc repro {stage}$"):
        read("planted")


@pytest.mark.usefixtures("project")
def test_metrics_that_lack_what_is_shown_say_what_to_run():
    write_json(Path("metrics/prepare/planted.json"), {"counts": {}})
    with pytest.raises(InputError, match=r"has no 'images' .*; run: dvc repro prepare@planted$"):
        read("planted")


@pytest.mark.usefixtures("project")
def test_figures_beyond_the_limit_are_named_instead(monkeypatch):
    for run in (CE, LDAM):
        save(performance.CLASSES, run, {"class": ["x"], "recall": [1]})
    report.main([])
    size = len(OUTPUT.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    for run in (CE, LDAM):
        path = Path(f"plots/figures/performance/{run}-confusion.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(path)
    monkeypatch.setattr(report, "MAX_BYTES", size + 30_000)
    report.main([])
    page = OUTPUT.read_text(encoding="utf-8")
    assert len(page.encode()) <= size + 30_000
    assert page.count("Left out for the size of this file") >= 1


@pytest.mark.usefixtures("project")
def test_a_page_above_the_limit_is_written_and_warned_of(monkeypatch, capsys):
    monkeypatch.setattr(report, "MAX_BYTES", 100_000)
    report.main([])
    warning = capsys.readouterr().err
    assert warning.startswith("warning: plots/report.html: This page has ")
    assert warning.removeprefix("warning: plots/report.html: ").strip() in OUTPUT.read_text()


@pytest.mark.usefixtures("project")
def test_the_row_over_all_classes_has_an_empty_class():
    for table in (cam_alignment.CLASSES, performance.CLASSES):
        save(table, CE, {"class": ["all", "x", "all"], "iobb": [1, 2, 3]})
    found = read("planted").of_runs
    of_ce = found["cam_alignment"][found["cam_alignment"]["run"] == CE]
    assert of_ce["class"].tolist() == ["all", "x", ""]
    assert found["performance"]["class"].tolist() == ["all", "x", "all"]


def test_notes_are_the_list_under_the_last_heading(tmp_path):
    path = tmp_path / "x.md"
    assert reading.read_notes(path) == []
    path.write_text("# T\n\n- a\n\n| a |\n|---|\n| b |\n\n## How to read\n\n- `One`.\n- Two.\n")
    assert reading.read_notes(path) == ["One.", "Two."]


@pytest.mark.usefixtures("project")
def test_counts_stand_head_first():
    counts = read("planted").counts
    sizes = counts["training images"].astype(int).tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert list(counts) == ["class", "training images", "test images"]
    labels = read("phantom")
    assert "negatives per positive" in labels.counts
    assert "imbalance ratio" not in labels.facts
    assert read("planted").facts["imbalance ratio"] == "3.0"


@pytest.mark.usefixtures("project")
def test_prototypes_are_the_images_of_their_rows():
    data = Path("data/prepared/planted.h5")
    images = read_split(data, "train").images
    table = pd.DataFrame(
        {
            "run": [CE, CE, LDAM],
            "class": ["x", "x", "x"],
            "archetype": ["safe", "rare", "safe"],
            "row": ["5", "", "2"],
        }
    )
    found = read_prototypes(data, table)
    assert set(found) == {(CE, "x", "safe"), (LDAM, "x", "safe")}
    np.testing.assert_array_equal(np.asarray(decode(found[CE, "x", "safe"])), images[5])
    np.testing.assert_array_equal(np.asarray(decode(found[LDAM, "x", "safe"])), images[2])


@pytest.mark.usefixtures("project")
def test_every_annotated_example_is_shown_under_the_map_of_every_run():
    examples = read("planted").cams
    table = pd.read_csv(f"plots/cam_examples/{CE}.csv").drop_duplicates("example")
    assert [example.label for example in examples] == table["class"].tolist()
    for example in examples:
        assert list(example.cams) == [CE, LDAM]
        assert example.source not in example.cams.values()


def test_runs_that_differ_in_the_seed_alone_are_one_setting(tmp_path):
    values = experiment()
    values["runs"]["planted-ce-seed1"] = values["runs"][CE] | {"seed": 1}
    vary(values, "planted-ce-long", CE, checkpoint="x.pt")
    write_params(tmp_path, values)
    runs = describe_runs("planted", load_params(tmp_path / "params.yaml"))
    assert {run.name: run.setting for run in runs} == {
        CE: "planted/ce",
        LDAM: "planted/ldam_drw",
        "planted-ce-seed1": "planted/ce",
        "planted-ce-long": "planted/planted-ce-long",
    }
    assert [run.loss for run in runs] == [
        "ce",
        "ce",
        "ldam (max_margin 0.5, scale 30), drw from epoch 1",
        "ce",
    ]
    assert runs[-1].recipe == "quick, checkpoint"
