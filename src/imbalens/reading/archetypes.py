"""Reads what the stage `archetypes` says of images, checked to be of those asked for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.store.tables import read_table, require_keys
from imbalens.tables.archetypes import INSTANCES, PROTOTYPES
from imbalens.tables.matrices import require_pairs


def read_archetypes(run: str, rows: Sequence[int]) -> Int[np.ndarray, " p"]:
    """Read the archetype of each training image, of each class that it has.

    Args:
        run: The run.
        rows: Row of the image of each such pair in the prepared training split.

    Raises:
        InputError: if the table is absent, damaged or of other images; it says what to run.
    """
    instances = read_table(INSTANCES, run)
    require_keys(INSTANCES, run, instances, row=rows)
    codes = {name: code for code, name in enumerate(ARCHETYPE_NAMES)}
    return instances["archetype"].map(codes).to_numpy(dtype=int)


def read_prototypes(run: str, names: Sequence[str]) -> pd.DataFrame:
    """Read the prototype of each class and archetype.

    Raises:
        InputError: if the table is absent, damaged or lacks one; it says what to run.
    """
    prototypes = read_table(PROTOTYPES, run)
    columns = ("archetype", ARCHETYPE_NAMES)
    require_pairs(PROTOTYPES, run, prototypes, rows=("class", names), columns=columns)
    return prototypes
