import ast
import shutil
import sys
from typing import get_args

import pytest
import torch

from imbalens.code_dependencies import DIGESTED, modules_below
from imbalens.errors import InputError
from imbalens.losses.build import build_objective, logit_offset, logit_scale
from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights, save_weights
from imbalens.models.initial_weights import initialize
from imbalens.params import runs
from imbalens.trained_code import ROOTS, digest_code, reach, read_modules
from tests.code_edits import (
    BUILD_LOSS,
    BUILD_NETWORK,
    LDAM,
    add_loss,
    add_network,
    change_text,
)
from tests.loss_cases import CLASS_LOSSES
from tests.networks import ANY, NETWORKS, own
from tests.tiny import ROOT

pytestmark = pytest.mark.slow

DRW = runs.Drw(start_epoch=1, beta=0.99)
LABEL_LOSSES = {
    "bce": runs.Bce(name="bce"),
    "wbce": runs.Wbce(name="wbce", counts="global", unit_negatives=False),
    "label_focal": runs.Focal(name="focal", gamma=2.0, alpha=0.25, scale=1.0),
    "cb_focal": runs.CbFocal(
        name="cb_focal", beta=0.9, gamma=2.0, counts="batch", normalize_weights=True, scale=1.0
    ),
    "asymmetric": runs.Asymmetric(
        name="asymmetric", gamma_positive=1.0, gamma_negative=2.0, margin=0.05
    ),
}


def make_run(loss, *, model="resnet8", drw=None):
    return runs.Run(
        method="m",
        dataset="d",
        model=(NETWORKS | ANY)[model],
        loss=(CLASS_LOSSES | LABEL_LOSSES)[loss],
        drw=drw,
        recipe="r",
        seed=0,
        checkpoint=None,
    )


RUNS = {
    **{name: make_run(name) for name in (*CLASS_LOSSES, *LABEL_LOSSES)},
    "drw": make_run("ce", drw=DRW),
    "resnet50": make_run("ce", model="resnet50"),
    "densenet": make_run("bce", model="densenet"),
    "torchvision": make_run("ce", model="torchvision"),
    "own": make_run("ldam", model="own"),
}
ALL = set(RUNS)
SMALL = ALL - {"resnet50", "densenet", "torchvision", "own"}


@pytest.fixture
def code(tmp_path):
    """A copy of the code, to edit."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    return tmp_path


def digests(root, names=tuple(RUNS)):
    modules = read_modules(root)
    return {name: digest_code(RUNS[name], modules, root=root / "src") for name in names}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def as_it_is():
    return digests(ROOT)


def test_every_loss_and_network_is_tried():
    for union, tried in ((runs.Loss, CLASS_LOSSES | LABEL_LOSSES), (runs.Model, NETWORKS | ANY)):
        members, _ = get_args(union)
        trained = set(get_args(members)) - {runs.Given}  # which has nothing to train
        assert trained == {type(each) for each in tried.values()}


def test_only_runs_without_a_network_reach_what_reads_files_of_others(as_it_is):
    run = RUNS["ce"].model_copy(update={"model": runs.Given(name="given", file=None)})
    reader, given = "imbalens.data.given_outputs.read_given", digest_code(run, read_modules(ROOT))
    assert reader in given
    of_data = [name for name in as_it_is["ce"] if name.startswith("imbalens.data.")]
    assert of_data == []


def test_another_loss_or_network_changes_no_digest(code, as_it_is):
    add_loss(code)
    add_network(code)
    assert changed(as_it_is, digests(code)) == set()


@pytest.mark.parametrize(
    ("place", "old", "new", "expected"),
    [
        (LDAM, "(gamma * log_others).exp()", "log_others.exp()", {"focal", "label_focal"}),
        (LDAM, "pow(-0.25)", "pow(-0.5)", {"ldam", "own"}),
        (
            "src/imbalens/losses/multilabel.py",
            "alpha * values,",
            "values,",
            {"focal", "label_focal"},
        ),
        (
            "src/imbalens/losses/multilabel.py",
            "_focused(scores, torch",
            "_focused(-scores, torch",
            {"asymmetric"},
        ),
        (
            "src/imbalens/losses/multilabel.py",
            "scores = _towards_truth(full_",
            "scores = -_towards_truth(full_",
            {"focal", "label_focal", "cb_focal", "asymmetric"},
        ),
        ("src/imbalens/losses/weights.py", "(1 - beta **", "(2 - beta **", {"cb", "drw"}),
        ("src/imbalens/losses/weights.py", "if unit_negatives:", "if True:", {"wbce"}),
        (
            "src/imbalens/losses/weights.py",
            "bottom > 0, top",
            "bottom > 1, top",
            {"wbce", "cb_focal"},
        ),
        ("src/imbalens/losses/precision.py", "torch.float32)", "torch.float64)", ALL),
        (BUILD_LOSS, "tau=loss.tau)", "tau=1.0)", {"logit_adjustment"}),
        (BUILD_LOSS, "return loss.scale", "return 1.0", {"ldam", "own"}),
        (BUILD_NETWORK, 'return "cosine"', 'return "linear"', {"ldam", "own"}),
        ("src/imbalens/models/cifar_resnet.py", "::2, ::2]", "1::2, ::2]", SMALL),
        ("src/imbalens/models/torchvision_networks.py", "= (6, 12)", "= (6, 6)", {"densenet"}),
        (
            "src/imbalens/models/torchvision_networks.py",
            "import resnet50",
            "import resnet34 as resnet50",
            {"resnet50"},
        ),
        ("src/imbalens/models/bodies.py", "weights=None", "weights=0", {"torchvision"}),
        (
            "src/imbalens/models/layouts.py",
            "MAX_FRONT = 8",
            "MAX_FRONT = 5",
            {"torchvision", "own"},
        ),
        ("src/imbalens/models/network.py", "mean(dim=(2, 3))", "amax(dim=(2, 3))", ALL),
        # what importing does, whatever is then used
        (
            "src/imbalens/losses/weights.py",
            "\n\ndef _sum",
            "\ntorch.set_flush_denormal(True)\n\ndef _sum",
            ALL,
        ),
        # what neither computes nor is computed
        (
            "src/imbalens/losses/precision.py",
            "    return logits",
            "    # why\n    return logits",
            set(),
        ),
        ("src/imbalens/losses/precision.py", "float64 stays.", "float64 remains.", set()),
        (
            "src/imbalens/losses/precision.py",
            'logits: Float[Tensor, "n c"]',
            "logits: Tensor",
            set(),
        ),
        (
            BUILD_LOSS,
            "    match loss:\n        case runs.Ldam()",
            "    match loss:\n\n        case runs.Ldam()",
            set(),
        ),
    ],
)
def test_a_change_counts_for_the_runs_that_reach_it(code, as_it_is, place, old, new, expected):
    change_text(code / place, old, new)
    assert changed(as_it_is, digests(code)) == expected


OPTIONAL = """
try:
    from imbalens.losses.extra import helper
except ImportError:
    helper = None
"""
HELPER = """
WORDS = {"one": 1}


def helper(value):
    return inner(value)


def inner(value):
    return [value, WORDS]
"""


@pytest.mark.parametrize(
    ("imports", "use"),
    [
        ("from imbalens.losses.extra import helper", "helper(gamma)"),
        ("from imbalens.losses.extra import helper as h", "h(gamma)"),
        ("from imbalens.losses import extra", "extra.helper(gamma)"),
        ("from imbalens.losses import extra", 'getattr(extra, "hel" + "per")(gamma)'),
        ("from imbalens import losses", "losses.extra.helper(gamma)"),
        ("import imbalens.losses.extra", "imbalens.losses.extra.helper(gamma)"),
        ("import imbalens.losses.extra as e", "e.helper(gamma)"),
        ("from imbalens.losses.precision import helper", "helper(gamma)"),
        (OPTIONAL, "helper(gamma)"),
        ("from imbalens.losses.extra import WORDS", "WORDS"),
        ("from imbalens.losses.extra import helper\n\nTABLE = [helper(1)]", "TABLE[0]"),
        ("", "late(gamma)\n    from imbalens.losses.extra import helper as late"),
        ("", "[helper(each) for each in (gamma,)]\n    from imbalens.losses.extra import helper"),
        ("from imbalens.losses.extra import *", "helper(gamma)"),
        ("import importlib", 'importlib.import_module("imbalens.losses." + "extra")'),
        ("from torch.nn import Module", "Module.__subclasses__()"),
    ],
)  # fmt: skip
def test_whatever_way_leads_to_a_helper_it_counts(code, imports, use):
    (code / "src/imbalens/losses/extra.py").write_text(HELPER, encoding="utf-8")
    with (code / "src/imbalens/losses/precision.py").open("a", encoding="utf-8") as file:
        file.write("\n\nfrom imbalens.losses.extra import helper\n")
    change_text(code / LDAM, "import torch\nfrom jax", f"{imports}\nimport torch\nfrom jax")
    change_text(
        code / LDAM, "    log_probabilities =", f"    used = {use}\n    log_probabilities ="
    )
    before = digests(code, ("focal", "label_focal", "ce"))
    change_text(code / "src/imbalens/losses/extra.py", '"one": 1', '"one": 2')
    found = changed(before, digests(code, before))
    assert found == {"focal", "label_focal"} | ({"ce"} if "*" in imports else set())


def test_roots_are_all_that_other_code_imports_of_losses_and_networks():
    folders, found = [ROOT / folder for folder in DIGESTED], set()
    for path in (*modules_below(["src/imbalens", "stages"], root=ROOT),):
        if any(path.is_relative_to(folder) for folder in folders):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {f"{alias.name}.*" for alias in node.names}
    assert {name for name in found if name.startswith(("imbalens.losses", "imbalens.models"))} == {
        *ROOTS
    }


def test_a_network_of_ones_own_counts_with_what_it_imports(code):
    """Of the project's files, by whatever import; none of them is run."""
    model = own("build").model_copy(update={"factory": "networks.mine:build"})
    run = make_run("ce").model_copy(update={"model": model})
    texts = {
        "networks/mine.py": "import os\nfrom . import parts\nfrom networks.more import b\n1/0\n",
        "networks/parts.py": "from networks import further\n",
        "networks/further.py": "",
        "networks/more/__init__.py": "from .b import b\n",
        "networks/more/b.py": "b = 1\n",
    }
    for place, text in {**texts, "networks/others.py": "import networks.mine\n"}.items():
        (code / place).parent.mkdir(parents=True, exist_ok=True)
        (code / place).write_text(text, encoding="utf-8")

    def digest():
        return digest_code(run, read_modules(code), root=code)

    before = digest()
    assert set(before) - set(digest_code(run, read_modules(code), root=code / "src")) == {*texts}
    (code / "networks/others.py").write_text("other", encoding="utf-8")
    assert digest() == before
    for place in texts:
        (code / place).write_text("(", encoding="utf-8")  # importing it would say so
        assert digest() != before
        (code / place).write_text(texts[place], encoding="utf-8")


def test_a_network_of_ones_own_lies_where_dvc_sees_its_edits(code):
    """Stages depend on that folder alone."""
    model = own("build").model_copy(update={"factory": "networks.mine:build"})
    run = make_run("ce").model_copy(update={"model": model})
    (code / "networks").mkdir(exist_ok=True)
    (code / "networks/mine.py").write_text("import blocks.wide\n", encoding="utf-8")
    (code / "blocks").mkdir()
    (code / "blocks/wide.py").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"is made by blocks/wide\.py, outside .*networks, where"):
        digest_code(run, read_modules(code), root=code)


def test_a_version_of_python_that_adds_empty_fields_changes_nothing(monkeypatch, as_it_is):
    fields = (*ast.FunctionDef._fields, "type_params")
    monkeypatch.setattr(ast.FunctionDef, "_fields", fields)
    monkeypatch.setattr(ast.FunctionDef, "type_params", [], raising=False)
    assert digests(ROOT) == as_it_is


@pytest.mark.parametrize("name", RUNS)
def test_no_line_runs_that_is_not_reached(name, tmp_path):
    """Everything that a training and a dump do with losses and networks, traced line by line."""
    run, reached = RUNS[name], reach(RUNS[name], read_modules(ROOT))
    allowed, left_out = {}, {}
    for each in (definition for found in reached.values() for definition in found):
        start, end = each.statement.lineno, each.statement.end_lineno
        decorators = getattr(each.statement, "decorator_list", [])
        first = min([start, *(decorator.lineno for decorator in decorators)])
        allowed.setdefault(each.path, set()).update(range(first, end + 1))
        left_out.setdefault(each.path, set()).update(bodies(each.statement) - bodies(each.reached))
    folders = [str(ROOT / folder) for folder in DIGESTED]
    ran = set()

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(tuple(folders)):
            return None
        if event == "line":
            ran.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    use(run, tmp_path / "first.pt")  # what is imported late is imported
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        use(run, tmp_path / "weights.pt")
    finally:
        sys.settrace(before)
    lines = {path: {line for place, line in ran if place == str(path)} for path in allowed}
    for of_path in lines.values():
        of_path.discard(1)  # where the tests' type checker decorates inner functions
    assert {place for place, _ in ran} <= {str(path) for path in allowed}
    assert sum(map(len, lines.values())) > 60
    for path, of_path in lines.items():
        assert of_path <= allowed[path], path
        assert of_path.isdisjoint(left_out[path]), path


def bodies(node):
    """The lines of what stands in cases, imports left out: they count where they are used."""
    return {
        line
        for case in ast.walk(node)
        if isinstance(case, ast.match_case)
        for statement in case.body
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        for line in range(statement.lineno, statement.end_lineno + 1)
    }


def use(run, path):
    """Build, compute, save and load, as training and dumps do."""
    of_labels = (
        not isinstance(run.loss, runs.MulticlassLoss) or run.loss == LABEL_LOSSES["label_focal"]
    )
    torch.manual_seed(0)
    targets = torch.tensor([[1, 0], [0, 1], [1, 1]]) if of_labels else torch.tensor([0, 1, 1])
    counts, task = torch.tensor([4, 3]), "multilabel" if of_labels else "multiclass"
    model = build_model(run.model, run.loss, 2, image_size=32)
    initialize(model, run.model)
    objective = build_objective(run.loss, run.drw, counts, task=task, negatives=5 - counts)
    logits = model(torch.rand(3, 3, 32, 32))
    for epoch in range(2):
        assert objective(logits, targets, epoch).isfinite()
    assert (logits * logit_scale(run.loss) + logit_offset(run.loss, counts)).isfinite().all()
    save_weights(model, path, metadata={})
    load_weights(model, load_checkpoint(path), path=path)
    assert model.head_matrix()[0].isfinite().all()
