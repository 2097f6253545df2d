"""What optimizers of images share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class PixelOptimizer(torch.optim.Optimizer, ABC):
    """Calls :meth:`move` for every tensor of images that has a gradient."""

    @abstractmethod
    def move(self, images: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Changes ``images`` in place, with gradients off.

        Args:
            images: ``(n, c, h, w)``.
            gradient: of the same shape.
            group: the options that hold for these images.
        """

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One step; parameters without a gradient stay."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for images in group["params"]:
                if images.grad is not None:
                    self.move(images, images.grad, group)
        return loss
