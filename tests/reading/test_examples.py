"""Reading example maps: what is wrong with a table is said, not drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.reading.examples import read_cam_examples
from tests.map_cases import CE, LDAM

TABLE = Path(f"plots/cam_examples/{LDAM}.csv")


def read(*runs):
    return read_cam_examples("planted", runs, load_params())


@pytest.mark.usefixtures("maps_workspace")
def test_all_runs_have_a_map_of_every_image():
    examples, cams = read(CE, LDAM)
    assert len(examples) == 6
    for maps in cams.values():
        assert maps.shape == (6, *examples[0].image.shape[:2])
        assert maps.min() == 0
        assert maps.max() == 1
    assert not np.array_equal(cams[CE], cams[LDAM])
    assert read() == ([], {})


BROKEN = {
    "a cell is missing": (lambda table: table.drop(3), "cells are not"),
    "rows were sorted": (lambda table: table.sort_values("value"), "map by map and row by row"),
    "an unknown class": (
        lambda table: table.replace({"class": {table["class"][0]: "no such"}}),
        "column 'class' holds 'no such'; allowed: '",
    ),
    "other images": (lambda table: table.assign(row=0), "other examples than in .*planted-ce"),
    "no example": (lambda table: table.iloc[:0], "its 0 cells"),
    "a renamed column": (lambda table: table.rename(columns={"y": "line"}), "no column 'y'"),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN)
@pytest.mark.usefixtures("maps_workspace")
def test_a_table_of_other_or_broken_maps_is_refused(change, says):
    change(pd.read_csv(TABLE)).to_csv(TABLE, index=False)
    with pytest.raises(InputError, match=rf"{LDAM}\.csv.*{says}") as caught:
        read(CE, LDAM)
    assert f"run: dvc repro cam_alignment@{LDAM}" in str(caught.value)
