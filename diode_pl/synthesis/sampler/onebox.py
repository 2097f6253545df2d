"""One object per image."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator

from diode_pl.synthesis.sampler.base import ClassSampler
from diode_pl.synthesis.sampler.label_prior import LabelPrior
from diode_pl.targets import Targets


class OneBox(ClassSampler):
    """One box per image, with a uniformly drawn class.

    The paper draws width and height from [0.1, 0.75] and the center from the whole image (a box that reaches outside
    is clipped); its code draws from [0.2, 0.8] and keeps the box inside.

    Args:
        size: range of width and height as shares of the image side, in (0, 1]; both drawn uniformly.
        inside: whether the whole box lies inside the image.
        classes: names of the classes to draw from; by default all that the teacher was trained on.
        seed: of the boxes, >= 0; None follows the seed of the run, so that another one draws other boxes.

    Raises:
        ValueError: if ``size`` is not an increasing range in (0, 1], or ``classes`` is empty or unknown to the teacher.

    Source: Chawla et al., WACV 2021, table 1.

    Example:
        >>> prior = LabelPrior({"mug": 0, "key": 1})
        >>> targets = OneBox(size=(0.2, 0.8)).sample(0, 4, prior, torch.Generator().manual_seed(0))
        >>> len(targets), targets.image_index
        (4, tensor([0, 1, 2, 3]))
    """

    def __init__(
        self,
        size: Sequence[float] = (0.2, 0.8),
        inside: bool = True,
        classes: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(classes)
        if not 0 < size[0] <= size[1] <= 1:
            raise ValueError(f"size must be an increasing range within (0, 1], got {tuple(size)}")
        if seed is not None and seed < 0:
            raise ValueError(f"seed must be >= 0 or None, got {seed}")
        self.size, self.inside, self.seed = size, inside, seed

    def sample(self, first: int, count: int, prior: LabelPrior, generator: Generator) -> Targets:
        choice = self.labels(prior)
        if self.seed is not None:
            state = np.random.SeedSequence((self.seed, first)).generate_state(1, np.uint64)
            generator = torch.Generator().manual_seed(int(state[0]))
        labels = choice[torch.randint(len(choice), (count,), generator=generator)]
        low, high = self.size
        extent = low + (high - low) * torch.rand(count, 2, generator=generator)
        place = torch.rand(count, 2, generator=generator)
        center = extent / 2 + (1 - extent) * place if self.inside else place
        boxes = torch.cat([center - extent / 2, center + extent / 2], dim=1).clamp(0, 1)
        return Targets(boxes, labels, torch.arange(count), count)
