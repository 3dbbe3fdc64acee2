"""Any image classifier with a linear head: a network that this package knows nothing of."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from imbalens.errors import InputError
from imbalens.models.network import CosineLinear, Head, Network
from imbalens.models.parts import find_parts, require_logits
from imbalens.params import runs


class AnyNetwork(Network):
    """A foreign network, whose features are what its head is given.

    Each method is one pass through the network; what it computes on the way is taken from hooks.
    Parameters and modules have the network's own names, so that its public weights fit.

    Attributes:
        body: The network.
    """

    recordable = False

    def __init__(
        self,
        body: nn.Module,
        model: runs.AnyNetwork,
        n_outputs: int,
        *,
        head: Head,
        image_size: int,
    ) -> None:
        """Find the network's parts, and give it a head of cosines where one is needed.

        Args:
            body: The network, with a linear head.
            model: Its parameters.
            n_outputs: Number of logits.
            head: Kind of classifier.
            image_size: Side of the images that it will see, in pixels.

        Raises:
            InputError: if it cannot see such images, gives anything but logits, or has no head.
        """
        super().__init__(head)
        self.family = model.family
        self.whose = f"the network {model.family}"
        parts = find_parts(
            body,
            image_size=image_size,
            n_outputs=n_outputs,
            head=model.head,
            maps=model.maps,
            whose=self.whose,
        )
        self.head_name, self.maps_name, self.layout = parts.head, parts.maps, parts.layout
        self.image_size = image_size
        if head == "cosine":
            linear = cast("nn.Linear", body.get_submodule(parts.head))
            cosine = CosineLinear(linear.in_features, n_outputs).to(linear.weight.device)
            # the network may have it under several names, and call it by another
            for name, module in [*body.named_modules(remove_duplicate=False)]:
                if module is linear:
                    body.set_submodule(name, cosine)
        self.body = body
        self.train()

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """Compute class logits from normalised images.

        Raises:
            InputError: if the network gives anything else, as some do while they are trained, or
                cannot be trained on a batch of one image.
        """
        try:
            output = self.body(images)
        except ValueError as error:
            if len(images) == 1 and self.training:
                raise InputError(
                    f"{self.whose} cannot be trained on one image ({str(error)[:240]!r}), as the "
                    "last batch of an epoch is; set another recipes.*.batch_size"
                ) from error
            raise
        if self.training and not isinstance(output, Tensor):
            raise InputError(
                f"{self.whose} gives {type(output).__name__} in training, logits and auxiliary "
                "outputs, where a loss takes logits alone; build it without the latter in a "
                "factory (model: {name: python}), in torchvision by aux_logits=False"
            )
        return require_logits(output, self.whose)

    def forward_features(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
        """Compute feature embeddings, what the head is given."""
        seen: list[Tensor] = []

        def keep(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
            seen.append(given[0])

        with _hooked(self._classifier().register_forward_pre_hook(keep)):
            self(images)
        return seen[-1]

    def forward_maps(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n k h_maps w_maps"]:
        """Compute the last maps before the head, see `forward_with_maps`."""
        return self.forward_with_maps(images)[0]

    def forward_with_maps(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k h_maps w_maps"], Float[Tensor, "n d"]]:
        """Compute the last maps before the head, and what the head is given.

        Raises:
            InputError: if the network has no maps.
        """
        if self.maps_name is None or self.layout is None:
            raise InputError(
                f"{self.whose} has no maps of more than one cell before its head, from images of "
                f"{self.image_size} x {self.image_size} pixels; take its runs out of "
                "dumps.maps.runs, set a larger image_size, or name a module: model.maps"
            )
        layout, seen = self.layout, list[Tensor]()

        def keep(_module: nn.Module, _given: object, output: Tensor) -> Tensor:
            maps = layout.to_maps(output)
            if torch.is_grad_enabled() and not maps.requires_grad:
                maps = maps.detach().requires_grad_()
            seen.append(maps)
            # what follows may work in place, and is to depend on the maps
            return layout.put_back(maps, output).clone()

        with _hooked(self.get_submodule(self.maps_name).register_forward_hook(keep)):
            features = self.forward_features(images)
        return seen[-1], features

    # the names of the foreign network, not `body.` before each

    def get_submodule(self, target: str) -> nn.Module:
        """Return a module by its name in the foreign network."""
        return self.body.get_submodule(target)

    def named_modules(
        self,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> Generator[tuple[str, nn.Module], None, None]:
        """Yield the foreign network's modules by its names."""
        yield from self.body.named_modules(*args, **kwargs)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the foreign network's state by its names."""
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Put a state into the foreign network."""
        return self.body.load_state_dict(*args, **kwargs)


@contextmanager
def _hooked(handle: torch.utils.hooks.RemovableHandle) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()
