"""Several objects per image."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from diode_pl.numerics.box_ops import iom
from diode_pl.synthesis.sampler.base import ClassSampler
from diode_pl.synthesis.sampler.extents import AnchorExtents, Extents
from diode_pl.synthesis.sampler.label_prior import LabelPrior
from diode_pl.targets import Targets

_TRIES = 50  # places that are tried for a box


class Scene(ClassSampler):
    """Several boxes per image that hardly overlap, with balanced classes, all inside the image.

    Boxes are placed one after the other, uniformly among the places where they fit. One that fits nowhere in 50 tries
    is left out, so crowded images have fewer and smaller boxes than were drawn: with the defaults and the anchors of
    the embedded teacher 3.4 boxes of 4.5, with a median of the longer side of 0.31 instead of 0.39 of the image. In
    each batch, the numbers of boxes of any two classes differ by at most one.

    Args:
        extents: widths and heights; :class:`AnchorExtents` by default.
        count: range of the number of boxes per image before some are left out, >= 1; uniform.
        overlap: limit of the intersection of two boxes as a share of the smaller one's area, in [0, 1].
        classes: names of the classes to draw from; by default all that the teacher was trained on.

    Raises:
        ValueError: if an argument is out of range, or ``classes`` is empty or unknown to the teacher.

    Example:
        >>> prior = LabelPrior({"mug": 0, "key": 1})
        >>> targets = Scene(count=(3, 3)).sample(0, 2, prior, torch.Generator().manual_seed(0))
        >>> targets.image_index, targets.labels.bincount()
        (tensor([0, 0, 0, 1, 1, 1]), tensor([3, 3]))
    """

    def __init__(
        self,
        extents: Extents | None = None,
        count: Sequence[int] = (1, 8),
        overlap: float = 0.15,
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__(classes)
        if len(count) != 2 or not all(type(n) is int for n in count) or not 1 <= count[0] <= count[1]:
            raise ValueError(f"count must be an increasing range of integers >= 1, got {list(count)}")
        if not 0 <= overlap <= 1:
            raise ValueError(f"overlap must be in [0, 1], got {overlap}")
        self.extents, self.count, self.overlap = extents or AnchorExtents(), count, overlap

    def sample(self, first: int, count: int, prior: LabelPrior, generator: Generator) -> Targets:
        low, high = self.count
        counts = torch.randint(low, high + 1, (count,), generator=generator).tolist()
        labels = _shuffle_repeatedly(self.labels(prior), sum(counts), generator)
        images, used = [], 0
        for wanted in counts:
            boxes, start = torch.zeros(0, 4), used
            for _ in range(wanted):
                (size,) = self.extents.draw(labels[used : used + 1], prior, generator)
                places = self._free_places(size, boxes, generator)
                # The next box takes the class of one that is left out, so that classes stay balanced.
                if len(places):
                    boxes, used = torch.cat([boxes, places[:1]]), used + 1
            images.append((boxes, labels[start:used]))
        return Targets.from_images(images)

    def _free_places(
        self, size: Float[Tensor, " 2"], boxes: Float[Tensor, "m 4"], generator: Generator
    ) -> Float[Tensor, "_ 4"]:
        corner = (1 - size) * torch.rand(_TRIES, 2, generator=generator)
        places = torch.cat([corner, corner + size], dim=1).clamp(max=1)
        return places[(iom(places[:, None], boxes) <= self.overlap).all(dim=1)]


def _shuffle_repeatedly(choice: Int[Tensor, " c"], count: int, generator: Generator) -> Int[Tensor, " n"]:
    """``count`` elements: all of ``choice`` in random order, then all in another order, and so on."""
    rounds = torch.rand(math.ceil(count / len(choice)), len(choice), generator=generator)
    return choice[rounds.argsort(dim=1).flatten()[:count]]
