"""Which candidates of a two-stage detector its loss counts."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.numerics.distributed import reduce_sum_per_process

_SEED = 0


class DeterministicBalancedSampler:
    """As torchvision's sampler of positives and negatives, but always the same ones for the same labels.

    The loss is a function of its input then: neither the global generator nor the device, the other images of the
    batch, or an interrupted run changes it.

    Args:
        batch_size_per_image: maximum number of candidates per image; negatives fill what positives leave.
        positive_fraction: at most this share of them are positives.
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    def __call__(self, labels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Two masks an image: the positives that count, and the negatives.

        Args:
            labels: of each image's candidates: 1 or more for positives, 0 for negatives, below for neither.
        """
        chosen = [self._of_image(each) for each in labels]
        return [positive for positive, _ in chosen], [negative for _, negative in chosen]

    def count(self, labels: Sequence[Tensor]) -> Tensor:
        """How many candidates count in the whole batch; does not wait for the device."""
        most = self._most_positives()
        counts = []
        for each in labels:
            positives = (each >= 1).sum().clamp(max=most)
            counts.append(positives + torch.minimum((each == 0).sum(), self.batch_size_per_image - positives))
        return torch.stack(counts).sum()

    def _most_positives(self) -> int:
        return int(self.batch_size_per_image * self.positive_fraction)

    def _of_image(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        # On the CPU, for every device draws others.
        draw = torch.Generator().manual_seed(_SEED)
        positive, taken = _some(labels >= 1, self._most_positives(), draw)
        return positive, _some(labels == 0, self.batch_size_per_image - taken, draw)[0]


def _some(mask: Tensor, most: int, draw: torch.Generator) -> tuple[Tensor, int]:
    """At most ``count`` of the positions that are set, and their number."""
    (places,) = torch.nonzero(mask, as_tuple=True)
    order = torch.randperm(len(places), generator=draw)[:most].to(places.device)
    return torch.zeros_like(mask, dtype=torch.uint8).index_fill(0, places[order], 1), len(order)


def share(counted: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """What turns a mean over a sample of this process into this process's part of the mean over those of all.

    As a sample depends on its own image alone, gradients are then those of one process with all images.

    Args:
        counted: how many candidates the sample of the batch holds.
    """
    return counted.clamp(min=1) / reduce_sum_per_process(counted, at_least=1.0)
