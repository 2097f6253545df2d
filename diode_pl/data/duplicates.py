"""Groups of images that show nearly the same."""

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from diode_pl.data.readers import Example

_SIDE = 16  # of thumbnails, in pixels
_ALIKE = 8 / 255  # mean difference; other pictures of one place differ by more


def thumbnail(example: Example) -> Float[Tensor, " k"]:
    """The image averaged to 16 x 16 pixels, in [0, 1]."""
    return functional.adaptive_avg_pool2d(example.image.float() / 255, _SIDE).flatten()


def group_duplicates(paths: Sequence[Path], thumbnails: Float[Tensor, "n k"]) -> list[list[int]]:
    """Indices of the images that belong together, in order of the first of each group; most groups have one.

    Together are images of one file, of names that differ after ``.rf.`` only (augmented copies, as labeling services
    write them), and of nearly equal pixels.

    Example:
        >>> import torch
        >>> group_duplicates([Path("a.rf.1.jpg"), Path("b.jpg"), Path("a.rf.2.jpg")], torch.eye(3))
        [[0, 2], [1]]
    """
    first = dict[str, int]()
    leaders = [first.setdefault(str(path).partition(".rf.")[0], i) for i, path in enumerate(paths)]

    def leader(i: int) -> int:
        while leaders[i] != i:
            i = leaders[i] = leaders[leaders[i]]
        return i

    # Images that are alike are alike in brightness: sorted by it, only neighbors need to be compared.
    means, order = thumbnails.mean(dim=1).sort()
    pixels = thumbnails[order]
    for shift in range(1, len(paths)):
        near = (means[shift:] - means[:-shift] <= _ALIKE).nonzero()[:, 0]
        if not len(near):
            break
        alike = near[(pixels[near + shift] - pixels[near]).abs().mean(dim=1) <= _ALIKE]
        for one, other in zip(order[alike].tolist(), order[alike + shift].tolist(), strict=True):
            low, high = sorted((leader(one), leader(other)))
            leaders[high] = low
    groups = dict[int, list[int]]()
    for i in range(len(paths)):
        groups.setdefault(leader(i), []).append(i)
    return list(groups.values())
