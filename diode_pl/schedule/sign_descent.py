"""Adam with both betas 0, without its state."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class SignDescent(torch.optim.Optimizer):
    """``x -= lr * g / (|g| + eps)``: what Adam with betas (0, 0) does, with no moments to keep.

    Args:
        params: tensors to optimise.
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

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One step; parameters without a gradient stay."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    step = parameter.grad / (parameter.grad.abs() + group["eps"])
                    parameter.sub_(step, alpha=group["lr"])
        return loss
