"""Sampling of candidates for the loss of two-stage detectors."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.numerics.distributed import reduce_sum_per_process


class DeterministicBalancedSampler:
    """Torchvision's sampler of positives and negatives, but with the same sample for the same labels.

    The loss is then a function of its input: independent of the global generator, the device, the other images of the
    batch and of interruptions.

    Args:
        batch_size_per_image: maximum number of candidates per image, filled up with negatives.
        positive_fraction: maximum fraction of positives.
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image, self.positive_fraction = batch_size_per_image, positive_fraction
        self._most_positives = int(batch_size_per_image * positive_fraction)

    def __call__(self, labels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Masks of the sampled positives (labels >= 1) and negatives (0) of each image; labels < 0 are neither."""
        positives, negatives = [], []
        for each in labels:
            generator = torch.Generator().manual_seed(0)  # on the CPU: draws differ between devices
            positive, count = _sample(each >= 1, self._most_positives, generator)
            positives.append(positive)
            negatives.append(_sample(each == 0, self.batch_size_per_image - count, generator)[0])
        return positives, negatives

    def count(self, labels: Sequence[Tensor]) -> Tensor:
        """Number of sampled candidates of the whole batch; without a device sync."""
        counts = []
        for each in labels:
            positives = (each >= 1).sum().clamp(max=self._most_positives)
            counts.append(positives + torch.minimum((each == 0).sum(), self.batch_size_per_image - positives))
        return torch.stack(counts).sum()


def _sample(mask: Tensor, most: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """At most ``most`` of the set positions, and their number."""
    (positions,) = torch.nonzero(mask, as_tuple=True)
    order = torch.randperm(len(positions), generator=generator)[:most].to(positions.device)
    return torch.zeros_like(mask, dtype=torch.uint8).index_fill(0, positions[order], 1), len(order)


def process_share(count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Factor from a mean over the sample of this process to its part of the mean over all processes.

    As a sample depends only on its own image, gradients are then those of a single process with all images. ``count``
    is the number of sampled candidates of the batch.
    """
    return count.clamp(min=1) / reduce_sum_per_process(count, at_least=1.0)
