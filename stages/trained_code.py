"""Write which code of losses and networks a run reaches, to data/trained_code/RUN.json.

Training and dumps depend on this file: another loss or network leaves it as it is.
"""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.store.files import write_json
from imbalens.trained_code import digest_code, read_modules


def main(argv: Sequence[str] | None = None) -> None:
    """Write a digest of each definition."""
    name, params = parse_stage(__doc__, "run", argv)
    run = pick(params.runs, "runs", name)
    write_json(Path(f"data/trained_code/{name}.json"), digest_code(run, read_modules(Path())))


if __name__ == "__main__":
    run_stage(main)
