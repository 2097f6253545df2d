"""Base class of the samplers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from diode_pl.provenance import Provenance
from diode_pl.synthesis.sampler.label_prior import LabelPrior
from diode_pl.targets import Targets


class Sampler(ABC):
    """Draws the targets of the images.

    Attributes:
        provenance: data that the targets come from; empty if none.

    Example:
        >>> class Center(Sampler):
        ...     def sample(self, first, count, prior, generator):
        ...         return Targets.from_images([(Tensor([[0.2, 0.2, 0.8, 0.8]]), Tensor([0]).long())] * count)
        >>> targets = Center().sample(0, 4, LabelPrior({"mug": 0}), Generator())
    """

    provenance = Provenance()

    @abstractmethod
    def sample(self, first: int, count: int, prior: LabelPrior, generator: Generator) -> Targets:
        """Draws targets for a batch of images.

        Args:
            first: index of the batch's first image in the data set.
            count: number of images in the batch.
            prior: what the teacher itself says of its objects, such as the label of each class.
            generator: source of randomness, on the CPU.
        """


class ClassSampler(Sampler):
    """A sampler that draws from a list of classes.

    Args:
        classes: names of the classes to draw from; by default all that the teacher was trained on.

    Raises:
        ValueError: if ``classes`` is empty or no list.

    Example:
        >>> class Centers(ClassSampler):
        ...     def sample(self, first, count, prior, generator):
        ...         box = Tensor([[0.2, 0.2, 0.8, 0.8]])
        ...         return Targets.from_images([(box, self.labels(prior)[:1])] * count)
        >>> Centers(["key"]).sample(0, 2, LabelPrior({"mug": 0, "key": 1}), Generator()).labels
        tensor([1, 1])
    """

    def __init__(self, classes: Sequence[str] | None) -> None:
        if isinstance(classes, str):
            raise ValueError(f"classes must be a list, got {classes}; for one class, [{classes}]")
        if classes is not None and not classes:
            raise ValueError("classes must name at least one class, or be None for all")
        self.classes = classes

    def labels(self, prior: LabelPrior) -> Int[Tensor, " c"]:
        """Labels of the classes to draw from.

        Raises:
            ValueError: if the teacher was not trained on one of them.
        """
        known = prior.classes
        unknown = [name for name in self.classes or () if name not in known]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: classes: the teacher was not trained on {unknown}; choose from {list(known)}"
            )
        return torch.tensor([known[name] for name in self.classes or known])
