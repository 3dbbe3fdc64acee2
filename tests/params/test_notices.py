"""What is allowed and often not meant is said, and stops nothing."""

import pytest

from imbalens.commands import check
from imbalens.params.notices import report_notices
from tests.params.test_loading import SHIPPED, at, load_changed

CE = ("methods", "ce")
PLANTED = ("datasets", "planted")


def said(tmp_path, capsys, *changes):
    def change(values):
        for each in changes:
            each(values)

    params = load_changed(tmp_path, change)
    report_notices(params, params.runs)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_trainings_of_ones_own_have_none(tmp_path, capsys):
    assert said(tmp_path, capsys) == []


def test_a_checkpoint_meets_means_of_the_training_images(tmp_path, capsys):
    """One line of the method, whatever the number of its runs."""
    again = at("runs", again=SHIPPED["runs"]["planted-ce"] | {"seed": 9})
    (line,) = said(tmp_path, capsys, again, at(*CE, checkpoint="a-{seed}.pt"))
    assert line.startswith("notice: methods.ce.checkpoint: ")
    assert "set datasets.planted.normalization to imagenet, or to their mean and std" in line


@pytest.mark.parametrize("given", ["imagenet", {"mean": [0.5] * 3, "std": [0.5] * 3}])
def test_none_where_the_means_are_given(tmp_path, capsys, given):
    changes = at(*CE, checkpoint="a.pt"), at(*PLANTED, normalization=given)
    assert said(tmp_path, capsys, *changes) == []


def test_only_the_runs_asked_about(tmp_path, capsys):
    params = load_changed(tmp_path, at(*CE, checkpoint="a.pt"))
    report_notices(params, ["planted-ldam_drw"])
    assert capsys.readouterr().err == ""


def test_the_command_says_it_and_goes_on(tmp_path, capsys):
    load_changed(tmp_path, at(*CE, checkpoint="a.pt"))
    check.main([str(tmp_path / "params.yaml")])
    out, err = capsys.readouterr()
    assert out.startswith(f"{tmp_path / 'params.yaml'}: valid (")
    assert err.startswith("notice: methods.ce.checkpoint: ")
    assert err.count("\n") == 1
