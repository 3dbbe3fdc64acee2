"""What README.md and the page with all numbers show is what was computed."""

import hashlib
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.params.loading import load_params
from imbalens.validation.lock import read_lock
from imbalens.validation.pictures import copy_figures, find_stale_pictures
from imbalens.validation.readme import PAGES, fill, find_stale_lines
from tests.tiny import ROOT

README, DEFAULT, COMPARING = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")])
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+")
SIGNED = re.compile(r"[-+]\d+\.\d+")


def with_another_number(row):
    return re.sub(r" [\d.]+", " 7.7", row, count=1)


@pytest.mark.parametrize("page", PAGES)
def test_all_numbers_are_those_of_the_committed_results(page):
    assert find_stale_lines(page, ROOT) == []


@pytest.mark.parametrize(
    ("pattern", "falsify", "least"),
    [
        (r"^\| .* \| `\w+: [\w. -]+` \|$", lambda row: NUMBER.sub("7.777", row), 40),
        (r"^\| .* \([-+].* to [-+].*\) \|$", lambda row: SIGNED.sub("+7.7", row), 14),
        (r"^\| [^|]+ \| [AB] \| .*\|$", lambda row: row.replace("planted-ce", "x"), 5),
    ],
    ids=["metrics", "differences", "verdicts"],
)
def test_a_false_number_of_any_kind_of_row_is_put_right(pattern, falsify, least):
    lines = DEFAULT.splitlines()
    rows = [place for place, line in enumerate(lines) if re.match(pattern, line)]
    falsified = [falsify(line) if place in rows else line for place, line in enumerate(lines)]
    changed = sum(old != new for old, new in zip(lines, falsified, strict=True))
    assert changed >= least
    assert fill("\n".join(falsified), ROOT) == "\n".join(lines)


def test_a_false_number_of_a_diff_is_put_right():
    row = re.compile(r"^metrics/\w+\.json +\S+ +[\d.]+ +[\d.]+ +-?[\d.]+$")
    lines = COMPARING.splitlines()
    falsified = [with_another_number(line) if row.match(line) else line for line in lines]
    assert sum(old != new for old, new in zip(lines, falsified, strict=True)) >= 8
    assert fill("\n".join(falsified), ROOT) == "\n".join(lines)


def test_class_sizes_in_the_text_are_put_right():
    falsified = re.sub(r"\d+(?= in the (largest class|smallest))", "7", DEFAULT)
    assert falsified != DEFAULT
    assert fill(falsified, ROOT) == DEFAULT


def test_differences_in_the_readme_are_put_right():
    falsified = README.replace("+0.113 (", "+0.213 (")
    assert falsified != README
    assert fill(falsified, ROOT) == README


@pytest.mark.parametrize(
    "row",
    [
        "| x | 0.1 | `performance: nothing` |",
        "| x | 0.1 | `nothing: accuracy` |",
        "| accuracy | 0.990 | `performance`: accuracy |",
        "| accuracy of `planted-ce` | best | |",
    ],
)
def test_a_row_that_names_what_there_is_not_is_an_error(row):
    head = "| what | `planted-ce` | where |"
    with pytest.raises(InputError, match="names what the results do not have"):
        fill(f"{head}\n{row}\n", ROOT)


def test_the_readme_is_at_most_100_lines_and_cites_both_papers():
    assert len(README.splitlines()) <= 100
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    flat = " ".join(README.split())
    for title in re.findall(r"^    title: \"?(.*?)\"?$", citation, re.MULTILINE):
        assert title in flat
    for name, given in re.findall(r"family-names: ([^,]+), given-names: ([^}]+)}", citation):
        assert f"{given} {name}" in flat


def test_pictures_are_copies_of_the_figures_in_the_lock():
    assert find_stale_pictures(ROOT) == []


@pytest.fixture
def project(tmp_path):
    """A page that links two figures, and figures that are those of dvc.lock."""
    stages = {}
    for name, shade in (("a", 40), ("b", 200)):
        written = io.BytesIO()
        Image.new("RGB", (1200, 600), (shade, 0, 0)).save(written, "PNG")
        path = tmp_path / f"plots/figures/differences/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written.getvalue())
        out = {"path": f"plots/figures/differences/{name}.png", "md5": md5_of(path)}
        stages[f"differences@{name}"] = {"outs": [out]}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    write_page(tmp_path, "a", "b")
    copy_figures(tmp_path)
    return tmp_path


def md5_of(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def write_page(folder, *names):
    links = [f"![x](images/figures/differences/{name}.png)" for name in names]
    (folder / "docs/page.md").write_text("\n".join(links), encoding="utf-8")


def test_a_picture_is_a_small_copy(project):
    assert find_stale_pictures(project) == []
    with Image.open(project / "docs/images/figures/differences/b.png") as picture:
        assert picture.size == (900, 450)
        assert picture.convert("RGB").getpixel((5, 5)) == (200, 0, 0)


def test_a_picture_of_other_results_missing_or_on_no_page_is_told(project):
    first, second = (project / f"plots/figures/differences/{name}.png" for name in "ab")
    lock, other = project / "dvc.lock", second.read_bytes()
    md5s = [md5_of(path) for path in (first, second)]
    first.write_bytes(other)
    assert find_stale_pictures(project) == []
    lock.write_text(lock.read_text(encoding="utf-8").replace(md5s[0], "0" * 32), encoding="utf-8")
    assert find_stale_pictures(project) == ["differences/a.png: is not of the figure of dvc.lock"]
    with pytest.raises(
        InputError, match=r"a\.png: missing, .* not that of dvc.lock; run: dvc repro"
    ):
        copy_figures(project)
    lock.write_text(lock.read_text(encoding="utf-8").replace("0" * 32, md5s[1]), encoding="utf-8")
    copy_figures(project)
    assert find_stale_pictures(project) == []
    write_page(project, "b")
    assert find_stale_pictures(project) == ["differences/a.png: is on no page"]
    copy_figures(project)
    assert find_stale_pictures(project) == []
    (project / "docs/images/figures/differences/b.png").unlink()
    assert find_stale_pictures(project) == ["differences/b.png: is not of the figure of dvc.lock"]


def test_every_kind_of_figure_is_explained():
    """By its stage and what follows the run's or dataset's name."""
    lock = read_lock(ROOT)
    params = load_params(ROOT / "params.yaml")
    names = sorted([*params.runs, *params.datasets], key=len, reverse=True)
    kinds = {}
    for stage in lock.values():
        for path in stage.outs:
            if path.startswith("plots/figures/"):
                folder, file = Path(path).parent.name, Path(path).stem
                name = next(name for name in names if file.startswith(name))
                kinds.setdefault((folder, file.removeprefix(name)), []).append(
                    f"{folder}/{file}.png"
                )
    page = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    assert [kind for kind, files in kinds.items() if not any(file in page for file in files)] == []


def slugs(page):
    """What GitHub calls the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        assert not heading or heading in slugs(linked), target


def test_every_page_can_be_reached_from_the_readme():
    seen, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            found = re.findall(r"\]\(((?!https?:)[^)#\s]+)", page.read_text(encoding="utf-8"))
            open_pages += [(page.parent / path).resolve() for path in found]
    pages = {page.resolve() for page in MARKDOWN if page.parts[len(ROOT.parts)] == "docs"}
    assert sorted(pages - seen) == []


def test_the_container_runs_the_two_commands():
    about = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [about["postCreateCommand"], about["postAttachCommand"]]
    assert all(words.split()[0] == "make" for words in commands)
    assert {words.split()[1] for words in commands} <= {"venv", *targets}
    assert about["image"].endswith("python:3.11")
    assert "/.venv/bin:" in about["remoteEnv"]["PATH"]
    for command in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert command in targets


@pytest.mark.parametrize("folder", ["data", "metrics", "plots"])
def test_the_page_of_a_folder_names_what_stages_write_there(folder):
    """Each folder of `data/`; elsewhere a folder is a stage, and what is beside is named."""
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    written = set()
    for stage in read_yaml(ROOT / "dvc.yaml")["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get("do", stage).get(kind, []):
                parts = Path(out if isinstance(out, str) else next(iter(out))).parts
                if parts[0] == folder:
                    written.add(parts[1])
    assert len(written) > 2
    stages = {path.stem for path in (ROOT / "stages").glob("*.py")}
    for name in written - (stages if folder != "data" else set()):
        assert name in page, name
