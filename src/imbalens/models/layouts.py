"""How a layer's output holds maps: with channels first, with channels last, or as tokens."""

from collections.abc import Collection
from dataclasses import dataclass
from math import isqrt
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

MAX_FRONT = 8  # tokens before those of the patches: of the class, and registers


@dataclass(frozen=True)
class Layout:
    """How to see an output as maps.

    Attributes:
        kind: `channels_first` [n k h w], `channels_last` [n h w k], or `tokens` [n t k].
        front: Tokens before those of the grid, which belong to no place.
        side: Rows and columns of the tokens' grid.
    """

    kind: Literal["channels_first", "channels_last", "tokens"]
    front: int = 0
    side: int = 0

    def to_maps(self, output: Float[Tensor, "n ..."]) -> Float[Tensor, "n k h w"]:
        """Return the maps that an output holds."""
        match self.kind:
            case "channels_first":
                return output
            case "channels_last":
                return output.permute(0, 3, 1, 2)
            case "tokens":
                grid = output[:, self.front :].transpose(1, 2)
                return grid.unflatten(2, (self.side, self.side))
            case _:
                assert_never(self.kind)

    def put_back(
        self, maps: Float[Tensor, "n k h w"], output: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n ..."]:
        """Return an output with other maps in it."""
        match self.kind:
            case "channels_first":
                return maps
            case "channels_last":
                return maps.permute(0, 2, 3, 1)
            case "tokens":
                grid = maps.flatten(2).transpose(1, 2)
                return torch.cat([output[:, : self.front], grid], dim=1)
            case _:
                assert_never(self.kind)


def find_layout(shape: tuple[int, ...], grids: Collection[tuple[int, int]]) -> Layout | None:
    """Say how an output of this shape holds maps of more than one cell.

    Images are square, and so are grids, but for those of convolutions that are not: what is
    square tells where the channels are.

    Args:
        shape: Of the output: images, and three or two further axes.
        grids: Rows and columns of what convolutions gave, in order: patches become tokens.

    Returns:
        None if it holds no such maps.
    """
    if len(shape) == 4:
        _, a, b, c = shape
        if b != c and a == b > 1:
            return Layout("channels_last")
        # a single cell with channels last is no row of cells
        is_grid = b == c or (b, c) in grids
        return Layout("channels_first") if is_grid and b * c > 1 else None
    if len(shape) != 3:
        return None
    n_tokens = shape[1]
    sides = [h for h, w in grids if h == w and 0 <= n_tokens - h * h <= MAX_FRONT]
    # patches first, else whatever fits: all tokens, or all but that of the class
    sides = sides[-1:] or [isqrt(n) for n in (n_tokens, n_tokens - 1) if isqrt(n) ** 2 == n]
    if not sides or sides[0] < 2:
        return None
    return Layout("tokens", n_tokens - sides[0] ** 2, sides[0])
