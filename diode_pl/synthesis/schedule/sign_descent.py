"""Adam with both betas 0, without its state."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from diode_pl.synthesis.schedule.pixel_optimizer import PixelOptimizer


class SignDescent(PixelOptimizer):
    """``x -= lr * g / (|g| + eps)``: what Adam with betas (0, 0) does, with no moments to keep.

    Args:
        params: tensors to optimize.
        lr: step length, in the units of ``params``, positive.
        eps: gradients well below this shrink the step instead of deciding its sign.

    Raises:
        ValueError: ``lr`` or ``eps`` is not positive.

    Source: Chawla et al., WACV 2021, the authors' implementation; Adam: Kingma and Ba, ICLR 2015, algorithm 1.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 0.2, eps: float = 1e-8) -> None:
        if lr <= 0 or eps <= 0:
            raise ValueError(f"sign descent: lr and eps must be positive, got {lr} and {eps}")
        super().__init__(params, {"lr": lr, "eps": eps})

    def move(self, images: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step against the gradient's sign."""
        images.sub_(gradient / (gradient.abs() + group["eps"]), alpha=group["lr"])
