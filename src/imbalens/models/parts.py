"""Where a foreign network has its head and its maps, found by what it does with two images.

A network is tried: what its modules are given and give is noted in the order of their calls.
Reading its code, or a table of known architectures, would know those that were thought of.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from imbalens.errors import InputError
from imbalens.models.heads import find_head, try_head
from imbalens.models.layouts import Layout, find_layout
from imbalens.params.errors import listed, shown
from imbalens.params.factories import describe_error

# they bring maps to a size of their own, from a single cell too
_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class Parts:
    """Where a network has what is looked at.

    Attributes:
        head: Name of the linear layer that gives the logits.
        maps: Name of the module that gives the last maps; None where there are none.
        layout: How its output holds them.
    """

    head: str
    maps: str | None
    layout: Layout | None


@dataclass
class _Seen:
    """What the modules of a network did, the last call of each, in order.

    Attributes:
        outputs: Output of each module that gave a tensor.
        features: What linear layers were given.
        grids: Rows and columns of what convolutions gave.
    """

    outputs: dict[str, Tensor] = field(default_factory=dict)
    features: dict[str, Tensor] = field(default_factory=dict)
    grids: list[tuple[int, int]] = field(default_factory=list)


def find_parts(
    body: nn.Module,
    *,
    image_size: int,
    n_outputs: int,
    head: str | None,
    maps: str | None,
    whose: str,
) -> Parts:
    """Try a network on two images, and find its head and its maps.

    Args:
        body: The network; stays as it is, in evaluation mode.
        image_size: Side of the images that it will see, in pixels.
        n_outputs: Logits that it is to give.
        head: Name of the head; None for the linear layer that gives the network's output.
        maps: Name of the module with the maps; None for the last before the head that gives a
            grid of more than one cell which the features depend on, rather the output of a block
            than of a branch within. In a vision transformer that is not the last layer, where
            only the class's token is read.
        whose: The network, for messages.

    Raises:
        InputError: if it cannot see such images, gives anything but logits, or has no such parts;
            the message says what to set.
    """
    _require_open(body, whose)
    images = _draw_images(image_size, body)
    # an input that is differentiated lets all be differentiated, frozen weights too
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        with _watch(body.eval()) as seen:
            try:
                output = body(images * 1)
            except Exception as error:  # a network of others raises anything
                raise InputError(
                    f"{whose} cannot see images of {image_size} x {image_size} pixels "
                    f"({describe_error(error)}); it is given [n, 3, {image_size}, {image_size}] "
                    "of float32: set the dataset's image_size to what it takes, such as 224, or "
                    "mend the network"
                ) from error
        logits = require_logits(output, whose)
        found = find_head(
            body,
            seen.features,
            seen.outputs,
            logits,
            n_outputs=n_outputs,
            head=head,
            whose=whose,
        )
        try_head(body, images, found, seen.features[found], whose=whose)
    called = list(seen.outputs)
    before = called[: called.index(found)]
    where, layout = _find_maps(
        body, images, seen, before, seen.features[found], maps=maps, whose=whose
    )
    return Parts(found, where, layout)


def require_logits(output: object, whose: str) -> Float[Tensor, "n m"]:
    """Return what a network gave, which is to be one row of logits per image.

    Raises:
        InputError: if it is anything else.
    """
    if isinstance(output, Tensor) and output.ndim == 2 and output.is_floating_point():
        return output
    found = type(output).__name__
    if isinstance(output, Tensor):
        found = f"a tensor of {list(output.shape)}, {str(output.dtype).removeprefix('torch.')}"
    raise InputError(
        f"{whose} gives {found}, not a tensor [images, outputs] of logits; wrap it in a factory "
        "that returns these alone, without auxiliary outputs in training too"
    )


def _require_open(body: nn.Module, whose: str) -> None:
    """Refuse what runs past the hooks of its modules, or runs copies of them."""
    for module in body.modules():
        compiled = hasattr(module, "_orig_mod") or module._compiled_call_impl is not None
        if compiled or isinstance(module, torch.jit.ScriptModule | nn.DataParallel):
            raise InputError(
                f"{whose} is compiled or wrapped ({type(module).__name__}), and what its layers "
                "do cannot be seen; return it without torch.compile, torch.jit and DataParallel"
            )


def _draw_images(size: int, body: nn.Module) -> Float[Tensor, "2 3 h w"]:
    generator = torch.Generator().manual_seed(0)
    weights = next(body.parameters(), torch.empty(0))
    # as all images are, whatever a factory made the default
    images = torch.randn(2, 3, size, size, generator=generator, dtype=torch.float32)
    return images.to(weights.device).requires_grad_()


@contextmanager
def _watch(body: nn.Module) -> Iterator[_Seen]:
    seen = _Seen()

    def note(name: str, module: nn.Module, given: tuple[object, ...], output: object) -> None:
        if not isinstance(output, Tensor):
            return
        seen.outputs.pop(name, None)  # the last call counts
        seen.outputs[name] = output
        if isinstance(module, nn.Conv2d) and output.ndim == 4:
            seen.grids.append((output.shape[2], output.shape[3]))
        if isinstance(module, nn.Linear) and given and isinstance(given[0], Tensor):
            seen.features[name] = given[0]

    def noting(name: str):  # noqa: ANN202 - a hook
        return lambda module, given, output: note(name, module, given, output)

    handles = [
        module.register_forward_hook(noting(name)) for name, module in body.named_modules() if name
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _find_maps(
    body: nn.Module,
    images: Float[Tensor, "2 3 h w"],
    seen: _Seen,
    before: list[str],
    features: Float[Tensor, "2 d"],
    *,
    maps: str | None,
    whose: str,
) -> tuple[str | None, Layout | None]:
    layouts = {
        name: find_layout(tuple(seen.outputs[name].shape), seen.grids)
        for name in before
        if len(seen.outputs[name]) == len(features)  # not of windows or crops
    }
    pools = {name for name, module in body.named_modules() if isinstance(module, _POOLS)}
    held = [name for name in layouts if layouts[name] and name not in pools]
    weights = torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    total = (features * weights.to(features.device)).sum()  # a plain sum normalisation may undo
    tried = [maps] if maps in held else held
    # the grid before the head says whether there are maps or tokens, and how many channels:
    # attention has outputs of other shapes in between, which are no maps
    shapes = dict.fromkeys(seen.outputs[name].shape for name in reversed(tried))
    reading = (
        name
        for shape in shapes
        for name in reversed(tried)
        if seen.outputs[name].shape == shape and _reads(total, seen.outputs[name], layouts[name])
    )
    read = next(reading, None)
    if read is not None:
        read = _last_whole(read, tried, layouts, seen, total, images)
    if maps is None:
        return (read, layouts[read]) if read else (None, None)
    if maps not in held:
        raise InputError(
            f"{whose}: model.maps: found {shown(maps)}, which gives no maps of more than one cell "
            f"from images of {images.shape[2]} pixels; allowed: {listed(reversed(held)) or 'null'}"
        )
    if read is None:
        raise InputError(
            f"{whose}: model.maps: the logits do not depend on the maps of {maps!r}; name an "
            "earlier module, or null for the last on which they do"
        )
    return maps, layouts[maps]


def _last_whole(
    read: str,
    held: list[str],
    layouts: Mapping[str, Layout | None],
    seen: _Seen,
    total: Float[Tensor, ""],
    images: Float[Tensor, "2 3 h w"],
) -> str:
    """Return the last maps of as many cells that all goes through; the given ones if none are.

    A branch of a block is not all: where a block's output is a single cell, branches may be more.
    """

    def cells(name: str) -> torch.Size | None:
        layout = layouts[name]
        if layout is None or layout.kind == "tokens":
            return None
        return layout.to_maps(seen.outputs[name]).shape[2:]

    whole = (
        name
        for name in reversed(held)
        if cells(name) == cells(read)
        and _reads(total, seen.outputs[name], layouts[name])
        and _is_passed(total, seen.outputs[name], images)
    )
    # of tokens that of the class passes by all of the grid
    return read if cells(read) is None else next(whole, read)


def _is_passed(total: Float[Tensor, ""], output: Tensor, images: Tensor) -> bool:
    """Whether what is computed depends on the images through an output alone."""
    end = (output.grad_fn, output.output_nr)
    waiting, found = [(total.grad_fn, 0)], set[object]()
    while waiting:
        node, number = waiting.pop()
        if node is None or (node, number) == end or node in found:
            continue
        found.add(node)
        if getattr(node, "variable", None) is images:
            return False
        waiting += node.next_functions
    return True


def _reads(total: Float[Tensor, ""], output: Tensor, layout: Layout | None) -> bool:
    """Whether what is read of the maps changes with them."""
    if layout is None or not (total.requires_grad and output.requires_grad):
        return False
    (gradient,) = torch.autograd.grad(total, output, retain_graph=True, allow_unused=True)
    return gradient is not None and bool(layout.to_maps(gradient).any())
