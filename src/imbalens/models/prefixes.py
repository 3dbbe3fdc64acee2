"""What other programs put before the names of a network's weights, and how it is taken away."""

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from imbalens.errors import InputError, escape
from imbalens.params.errors import shown

# of DataParallel, of most LightningModules, and of torch.compile; each may stand in another
PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "backbone.")
_LISTED = 2


def unwrap(
    state: Mapping[str, Tensor], names: Collection[str], *, path: Path
) -> dict[str, Tensor]:
    """Take a network's weights out of a file in which names may begin with a prefix.

    The prefix, perhaps none, perhaps of several parts, is that under which most of the network's
    names stand. All that bears it is returned, without it: whether that fits is another question.
    What stands beside it, weights of a loss or an average of the network's own, is left out, and
    a notice says so. Where no prefix is chosen nothing stands beside.

    Args:
        state: Tensors by name, as in the file.
        names: The network's own names.
        path: The file, for messages.

    Raises:
        InputError: if a name of the network stands there under two prefixes.
    """
    prefixes = {prefix for name in state for prefix in _prefixes_of(name)} or {""}
    counts = {prefix: sum(prefix + name in state for name in names) for prefix in prefixes}
    chosen = min(prefixes, key=lambda prefix: (-counts[prefix], len(prefix), prefix))
    own = {chosen + name for name in names}  # some may begin like another prefix
    for name in names:
        twice = {prefix + name for prefix in prefixes if prefix + name in state} - own
        if chosen + name in state and twice:
            raise InputError(
                f"{path}: holds {shown(name)} twice, as {shown(chosen + name)} and as "
                f"{shown(min(twice))}; save the weights of one network only"
            )
    beside = [name for name in state if not name.startswith(chosen)]
    if beside:
        more = ", ..." if len(beside) > _LISTED else ""
        listed = ", ".join(map(shown, beside[:_LISTED])) + more
        # not to sys.stderr: who names sys may reach any code, see trained_code
        notice = (
            f"{path}: takes what stands under {shown(chosen)}, not what is beside it: {listed}"
        )
        print(escape(notice))
    return {
        name.removeprefix(chosen): tensor
        for name, tensor in state.items()
        if name.startswith(chosen)
    }


def _prefixes_of(name: str) -> list[str]:
    """Return the prefixes that a name begins with, the empty one first."""
    found = [""]
    while step := next((each for each in PREFIXES if name.startswith(found[-1] + each)), None):
        found.append(found[-1] + step)
    return found
