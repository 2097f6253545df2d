"""A step counter that survives resuming."""

from typing import Any

import torch
from torch import Tensor, nn


class StepCount(nn.Module):
    """Counts training batches in a buffer, and in a Python int to avoid a device sync per step.

    All processes of a training count the same.

    Example:
        >>> count = StepCount()
        >>> count(), count(), count.eval()()
        (1, 2, 2)
    """

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._known: int | None = None
        self.register_load_state_dict_post_hook(_forget)

    def forward(self) -> int:
        """Returns the number of this batch, starting at 1; in eval mode that of the latest training batch."""
        if self._known is None:
            self._known = int(self.steps)
        if self.training:
            self._known += 1
            self.steps.fill_(self._known)
        return self._known


def _forget(count: nn.Module, keys: Any) -> None:
    assert isinstance(count, StepCount)
    count._known = None
