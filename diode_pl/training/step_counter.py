"""How many batches a loss was trained on, over all parts of a training that was stopped and resumed."""

from typing import Any

import torch
from torch import Tensor, nn


class StepCount(nn.Module):
    """Counts batches in a checkpoint's buffer and beside it; so reading it waits for the device once, not every step.

    Where several processes train one model, all of them count the same.
    """

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._known: int | None = None
        self.register_load_state_dict_post_hook(_forget)

    def forward(self) -> int:
        """The number of this batch, from 1 on; in eval mode that of the latest in training."""
        if self._known is None:
            self._known = int(self.steps)
        if self.training:
            self._known += 1
            self.steps.fill_(self._known)
        return self._known


def _forget(count: nn.Module, keys: Any) -> None:
    assert isinstance(count, StepCount)
    count._known = None
