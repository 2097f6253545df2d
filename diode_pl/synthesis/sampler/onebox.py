"""One object per image."""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator

from diode_pl.synthesis.sampler.base import Sampler
from diode_pl.targets import Targets


class OneBox(Sampler):
    """One box per image, with a uniformly drawn class.

    The paper draws width and height from [0.1, 0.75] and the center from the whole image (a box that reaches outside
    is clipped); its code draws from [0.2, 0.8] and keeps the box inside.

    Args:
        size: range of width and height as shares of the image side, in (0, 1]; both drawn uniformly.
        inside: whether the whole box lies inside the image.
        classes: names of the classes to draw from; by default all that the teacher was trained on.

    Raises:
        ValueError: if ``size`` is not an increasing range in (0, 1], or ``classes`` is empty or unknown to the teacher.

    Source: Chawla et al., WACV 2021, table 1.

    Example:
        >>> targets = OneBox(size=(0.2, 0.8)).sample(0, 4, {"mug": 0, "key": 1}, torch.Generator().manual_seed(0))
        >>> len(targets), targets.image_index
        (4, tensor([0, 1, 2, 3]))
    """

    def __init__(
        self, size: Sequence[float] = (0.2, 0.8), inside: bool = True, classes: Sequence[str] | None = None
    ) -> None:
        if not 0 < size[0] <= size[1] <= 1:
            raise ValueError(f"size must be an increasing range within (0, 1], got {tuple(size)}")
        if isinstance(classes, str):
            raise ValueError(f"classes must be a list, got {classes}; for one class, [{classes}]")
        if classes is not None and not classes:
            raise ValueError("classes must name at least one class, or be None for all")
        self.size, self.inside, self.classes = size, inside, classes

    def sample(self, first: int, count: int, classes: Mapping[str, int], generator: Generator) -> Targets:
        unknown = [name for name in self.classes or () if name not in classes]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: classes: the teacher was not trained on {unknown}; choose from {list(classes)}"
            )
        choice = torch.tensor([classes[name] for name in self.classes or classes])
        labels = choice[torch.randint(len(choice), (count,), generator=generator)]
        low, high = self.size
        extent = low + (high - low) * torch.rand(count, 2, generator=generator)
        place = torch.rand(count, 2, generator=generator)
        center = extent / 2 + (1 - extent) * place if self.inside else place
        boxes = torch.cat([center - extent / 2, center + extent / 2], dim=1).clamp(0, 1)
        return Targets(boxes, labels, torch.arange(count), count)
