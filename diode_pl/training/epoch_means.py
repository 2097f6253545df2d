"""Running means of the losses of an epoch."""

import torch
from torch import Tensor


class EpochMeans:
    """Mean of each loss over the steps of an epoch; only reading triggers a device sync.

    Example:
        >>> means = EpochMeans()
        >>> for loss in (1.0, 3.0):
        ...     means.add({"loss/total": torch.tensor(loss)})
        >>> means.means()
        {'loss/total': 2.0}
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        """Adds the scalars of one step; their names must be the same at every step."""
        self._steps += 1
        for name, value in terms.items():
            self._sums[name] = self._sums[name] + value.detach() if name in self._sums else value.detach()

    def means(self) -> dict[str, float]:
        """Returns the mean of each loss so far."""
        return {name: float(value) / self._steps for name, value in self._sums.items()}

    def not_finite(self) -> list[str]:
        """Returns the names of the losses that were infinite or NaN at any step so far."""
        return [name for name, value in self._sums.items() if not torch.isfinite(value)]
