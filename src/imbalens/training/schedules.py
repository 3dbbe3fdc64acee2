"""Learning rate of each epoch."""

import math
from typing import assert_never

from imbalens.params.recipes import Cosine, Schedule, Steps


def learning_rate(schedule: Schedule, *, base: float, epoch: int, epochs: int) -> float:
    """Return the learning rate of one epoch.

    Warm-up epoch e of w (0-based) has `base * (e + 1) / w`. After it, `steps` has `base` times
    the factor of the latest milestone reached, `cosine` half a cosine from `base` towards 0.

    Args:
        schedule: Kind of schedule with its numbers.
        base: Learning rate of the optimiser's section.
        epoch: Epoch, 0-based.
        epochs: Epochs in all.

    Source: `steps` with warm-up 5 and milestones 160 (0.01), 180 (0.0001) is the schedule of
        Cao et al. 2019 (LDAM-DRW), which paper B section 4.1 adopts.
    """
    warmup = schedule.warmup_epochs
    if epoch < warmup:
        return base * (epoch + 1) / warmup
    match schedule:
        case Steps():
            reached = [stone for stone in schedule.milestones if stone.epoch <= epoch]
            return base * max(reached, key=lambda stone: stone.epoch).factor if reached else base
        case Cosine():
            return base * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup))) / 2
        case _:
            assert_never(schedule)
