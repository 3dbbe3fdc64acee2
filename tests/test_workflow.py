"""The workflow of pull requests: what it may do, what it names, and the comment it writes."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml

from tests.tiny import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# every value a text: YAML would read `on` as true
WORKFLOW = yaml.load(
    (ROOT / ".github" / "workflows" / "validate.yml").read_text(encoding="utf-8"), yaml.BaseLoader
)
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
TARGETS = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
LIMIT = 65536


def step_of(job, name):
    """The one step of a job that uses an action, or runs a command, of that name."""
    (found,) = (
        step
        for step in JOBS[job]["steps"]
        if step.get("uses", "").startswith(f"{name}@") or step.get("run") == name
    )
    return found


def test_there_is_one_workflow():
    assert [path.name for path in WORKFLOWS] == ["validate.yml"]
    assert set(WORKFLOW["on"]) == {"pull_request", "push"}
    assert set(JOBS) == {"validate", "comment", "foreign"}


def test_only_actions_of_github_are_used_at_a_major_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert len(used) == 7
    assert [use for use in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", use)] == []


def test_no_text_is_pasted_into_a_script():
    scripts = [step["run"] for step in STEPS if "run" in step]
    scripts += [step["with"]["script"] for step in STEPS if "script" in step.get("with", {})]
    assert len(scripts) == 5
    assert [script for script in scripts if "${{" in script] == []


def test_rights_are_the_least():
    assert WORKFLOW["permissions"] == {}
    rights = {name: job["permissions"] for name, job in JOBS.items()}
    assert rights == {
        "validate": {"contents": "read"},
        "comment": {"pull-requests": "write"},
        "foreign": {"contents": "read"},
    }
    # where a token may write, nothing of the pull request is checked out or run
    assert not any(
        "run" in step or "checkout" in step["uses"] for step in JOBS["comment"]["steps"]
    )
    for job in ("validate", "foreign"):
        assert step_of(job, "actions/checkout")["with"]["persist-credentials"] == "false"


def test_superseded_runs_are_cancelled_and_none_runs_for_ever():
    assert "github.ref" in WORKFLOW["concurrency"]["group"]
    assert "pull_request" in WORKFLOW["concurrency"]["cancel-in-progress"]
    assert all(0 < int(job["timeout-minutes"]) <= 90 for job in JOBS.values())


def test_validation_sees_all_revisions_and_a_browser():
    assert step_of("validate", "actions/checkout")["with"]["fetch-depth"] == "0"
    assert step_of("validate", ".ci/run")["env"] == {"IMBALENS_REQUIRE_BROWSER": "1"}
    assert "continue-on-error" not in JOBS["validate"]
    assert "continue-on-error" not in step_of("validate", ".ci/run")
    commands = [step.get("run", "") for step in JOBS["validate"]["steps"]]
    (installing,) = (place for place, run in enumerate(commands) if "playwright install" in run)
    assert installing < commands.index(".ci/run")


@pytest.mark.parametrize("job", ["validate", "foreign"])
def test_what_pip_downloads_is_kept(job):
    kept = step_of(job, "actions/setup-python")["with"]
    assert (kept["cache"], kept["cache-dependency-path"]) == ("pip", "pyproject.toml")
    assert (ROOT / kept["cache-dependency-path"]).is_file()


def test_foreign_systems_inform_and_decide_nothing():
    job = JOBS["foreign"]
    assert job["continue-on-error"] == "true"
    assert job["strategy"]["fail-fast"] == "false"
    assert job["strategy"]["matrix"]["os"] == ["windows-latest", "macos-latest"]
    assert "needs" not in JOBS["validate"]


def test_foreign_systems_run_all_folders_of_tests():
    (command,) = (
        step["run"] for step in JOBS["foreign"]["steps"] if "pytest" in step.get("run", "")
    )
    named = {word for word in command.split() if word.startswith("tests/")}
    folders = {path.parent.name for path in ROOT.glob("tests/*/__init__.py")}
    alone = ("analyze", "api", "cli", "foreign_platforms", "from_python", "memory")
    files = {f"tests/test_{name}.py" for name in alone}
    assert named == files | {f"tests/{name}" for name in folders}


def test_the_comment_never_fails_a_pull_request():
    job = JOBS["comment"]
    assert job["continue-on-error"] == "true"
    assert all(step["continue-on-error"] == "true" for step in job["steps"])
    assert job["needs"] == "validate"
    upload = step_of("validate", "actions/upload-artifact")
    assert upload["continue-on-error"] == "true"
    for condition in (job["if"], upload["if"]):  # also when validation failed
        assert condition == "${{ !cancelled() && github.event_name == 'pull_request' }}"
    download = step_of("comment", "actions/download-artifact")
    assert download["with"]["name"] == upload["with"]["name"]


def named_things(script):
    """Yield each make target, module and path of the repository that a script names."""
    joined = script.replace("\\\n", " ")
    for words in (shlex.split(line) for line in joined.splitlines() if line.count('"') % 2 == 0):
        for before, word in zip(["", *words], words, strict=False):
            if before == "make":
                yield "target", word
            elif before == "-m":
                yield "module", word
            elif re.match(r"(\.ci|tests|src|stages|docs|benchmarks)/", word):
                yield "path", word


RUNS = [step["run"] for step in STEPS if "run" in step]
RUNS += [(ROOT / ".ci" / "run").read_text(encoding="utf-8")]


@pytest.mark.parametrize("script", RUNS)
def test_commands_name_what_exists(script):
    for kind, name in named_things(script):
        match kind:
            case "target":
                assert name in TARGETS
            case "module":
                assert find_spec(name)
            case "path":
                assert (ROOT / name).exists()


def test_names_in_commands_are_found():
    found = [thing for script in RUNS for thing in named_things(script)]
    assert {("target", "validate"), ("target", "venv"), ("path", ".ci/run")} <= {*found}
    assert {("module", "playwright"), ("module", "pytest"), ("path", "tests/store")} <= {*found}


def test_a_required_browser_that_is_not_there_is_an_error(tmp_path):
    command = [sys.executable, "-c", "import tests.browser; print(tests.browser.BROWSER)"]
    for required, status in (("", 0), ("1", 1)):
        environment = {"PATH": str(tmp_path), "IMBALENS_REQUIRE_BROWSER": required}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == status
    assert "IMBALENS_REQUIRE_BROWSER is set, and none of chromium" in done.stderr


# --- the comment, in the JavaScript engine that comes with Playwright

FAKE = """
const calls = [], warnings = [];
const { comments, refuse } = JSON.parse(process.argv[2]);
const record = (name) => async (given) => {
  if (refuse) throw new Error("Resource not accessible by integration");
  calls.push([name, given]);
};
const issues = { listComments: null };
issues.updateComment = record("update");
issues.createComment = record("create");
const github = { rest: { issues }, paginate: async () => comments };
const core = { warning: (text) => warnings.push(text) };
const context = {
  repo: { owner: "o", repo: "r" }, runId: 5, serverUrl: "https://x",
  payload: { pull_request: { number: 7, head: { sha: "abc" } } },
};
const step = async () => {
%s
};
step().then(() => console.log(JSON.stringify({ calls, warnings })));
"""


def comment(folder, *, summary=None, comments=(), refuse=False):
    """Run the step; return its calls of GitHub's interface and its warnings."""
    node = shutil.which("node")
    if not node:
        driver = pytest.importorskip("playwright._impl._driver", reason="needs node or playwright")
        node, _ = driver.compute_driver_executable()
    if summary is not None:
        (folder / "validation-summary.md").write_text(summary, encoding="utf-8", newline="\n")
    program = folder / "step.cjs"
    script = step_of("comment", "actions/github-script")["with"]["script"]
    program.write_text(FAKE % script, encoding="utf-8")
    given = json.dumps({"comments": comments, "refuse": refuse})
    done = subprocess.run(
        [node, str(program), given],
        cwd=folder,
        env={"RESULT": "failure"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    found = json.loads(done.stdout)
    return found["calls"], found["warnings"]


def test_the_first_run_comments_with_the_summary(tmp_path):
    (call,), warnings = comment(
        tmp_path, summary="## Validation: passed\n\nAll `a` | ${b} {{c}}\n"
    )
    name, given = call
    assert (name, given["issue_number"], warnings) == ("create", 7, [])
    marker, *lines = given["body"].split("\n")
    assert re.fullmatch(r"<!-- .* -->", marker)
    assert lines[:3] == ["## Validation: passed", "", "All `a` | ${b} {{c}}"]
    assert lines[-1] == "[This run](https://x/o/r/actions/runs/5), of commit abc."


def test_the_next_run_replaces_that_comment_and_no_other(tmp_path):
    ((_, first),), _ = comment(tmp_path, summary="one")
    others = [
        {"id": 1, "user": {"type": "User"}, "body": first["body"]},  # someone quoting it
        {"id": 2, "user": {"type": "Bot"}, "body": "another bot's"},
        {"id": 3, "user": None, "body": None},
    ]
    calls, _ = comment(tmp_path, summary="two", comments=others)
    assert [name for name, _ in calls] == ["create"]
    own = {"id": 4, "user": {"type": "Bot"}, "body": first["body"]}
    ((name, given),), _ = comment(tmp_path, summary="two", comments=[*others, own])
    assert (name, given["comment_id"]) == ("update", 4)
    assert "two" in given["body"]
    assert "one" not in given["body"]


@pytest.mark.parametrize("is_code", [False, True])
@pytest.mark.parametrize("line", ["| metric | 1 | 2 | ok |\n", "x" * 100_000, "é😀\n"])
def test_a_long_summary_is_cut_and_says_where_the_whole_is(tmp_path, line, is_code):
    text = ("```\n" if is_code else "") + line * (200_000 // len(line))
    ((_, given),), _ = comment(tmp_path, summary=text)
    body = given["body"]
    assert LIMIT - 300 < len(body.encode("utf-16-le")) // 2 <= LIMIT
    assert body.count("```") == 2 * is_code
    *_, notice, _, last = body.split("\n")
    assert notice == "**Cut here; the whole text is in the summary of this run.**"
    assert last.startswith("[This run](https://x/o/r/actions/runs/5)")


def test_a_summary_that_just_fits_is_whole(tmp_path):
    ((_, given),), _ = comment(tmp_path, summary="x")
    room = LIMIT - len(given["body"]) + 1
    ((_, given),), _ = comment(tmp_path, summary="x" * room)
    assert len(given["body"]) == LIMIT
    assert "Cut here" not in given["body"]
    ((_, given),), _ = comment(tmp_path, summary="x" * (room + 1))
    assert "Cut here" in given["body"]


def test_without_a_summary_the_comment_says_so(tmp_path):
    ((_, given),), _ = comment(tmp_path)
    assert "## Validation: not reached\n\nThe job ended before it (failure)." in given["body"]


def test_a_token_that_may_not_write_is_a_warning(tmp_path):
    calls, warnings = comment(tmp_path, summary="x", refuse=True)
    assert calls == []
    assert len(warnings) == 1
    assert "Resource not accessible by integration" in warnings[0]
