"""What is kept of which trained networks; analyses.yaml says how."""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.base import MAX_NAMED, BatchSize, Section


class DumpedRuns(Section):
    """The runs that a dump is made of."""

    runs: Annotated[tuple[str, ...], Field(max_length=MAX_NAMED)]


class Dumps(Section):
    """Which runs' saliency and maps are kept, and how many images a network sees at a time.

    Features are kept of every run; maps are written at least 16 images at a time. Where so many do
    not fit into memory, the number is halved until they do, and stderr says so.
    """

    batch_size: BatchSize
    device: Literal["auto", "cpu", "cuda", "mps"]
    saliency: DumpedRuns
    maps: DumpedRuns
