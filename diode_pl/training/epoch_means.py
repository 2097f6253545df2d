"""The losses of an epoch, summed where they are computed."""

import torch
from torch import Tensor


class EpochMeans:
    """Means of each loss over the steps of an epoch; only reading them waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        """Takes in one step.

        Args:
            terms: scalars by name, the same names at every step.
        """
        self._steps += 1
        for name, value in terms.items():
            self._sums[name] = self._sums[name] + value.detach() if name in self._sums else value.detach()

    def means(self) -> dict[str, float]:
        """The mean of each loss so far."""
        return {name: float(value) / self._steps for name, value in self._sums.items()}

    def not_finite(self) -> list[str]:
        """Names of the losses that have been infinite or no number at any step so far."""
        return [name for name, value in self._sums.items() if not torch.isfinite(value)]
