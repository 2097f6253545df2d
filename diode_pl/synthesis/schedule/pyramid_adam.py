"""Adam on every scale of the picture at once."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class PyramidAdam(torch.optim.Optimizer):
    """Adam on an image pyramid: coarse structure moves as readily as single pixels.

    Adam on pixels takes its full step wherever a gradient's sign is steady, and the gradient of a detector is
    steadiest at single pixels: noise grows first, colors and surfaces last. Here an image is, in effect, the sum of
    maps of several cell sizes, each with Adam of its own; the image itself stays the parameter, so that it can be
    clamped. With ``scales`` (1,) this is Adam.

    Args:
        params: images ``(n, c, h, w)``.
        lr: step length in pixel values for all scales together, positive.
        betas: decay of the running gradient and squared gradient, each in [0, 1).
        eps: added to the root of the squared gradient, positive.
        scales: cell sides in pixels.
        weights: share of ``lr`` that each scale gets; need not add up to 1.

    Raises:
        ValueError: a number is out of range, or ``scales`` and ``weights`` differ in length.

    Source: Adam: Kingma and Ba, ICLR 2015, algorithm 1; images as pyramids: Mordvintsev et al., Inceptionism, 2015.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.05,
        betas: Sequence[float] = (0.5, 0.9),
        eps: float = 1e-8,
        scales: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
        weights: Sequence[float] = (0.05, 0.15, 0.3, 0.3, 0.3, 0.3, 0.2),
    ) -> None:
        if lr <= 0 or eps <= 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"lr, eps and betas must be > 0, > 0 and in [0, 1), got {lr}, {eps} and {betas}")
        if len(scales) != len(weights) or min(scales, default=0) < 1:
            raise ValueError(f"scales and weights: expected one weight for each scale >= 1, got {scales} and {weights}")
        options = {"lr": lr, "betas": tuple(betas), "eps": eps, "scales": tuple(scales), "weights": tuple(weights)}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One step of Adam on each scale; images without a gradient stay."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for images in group["params"]:
                if images.grad is not None:
                    self._move(images, images.grad, group)
        return loss

    def _move(self, images: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        state = self.state[images]
        count = state["count"] = state.get("count", 0) + 1
        finer: tuple[int, Tensor] | None = None
        for scale, weight in zip(group["scales"], group["weights"], strict=True):
            # Cells of cells where that works out: each map is a fraction of the one before.
            if finer is not None and scale % finer[0] == 0:
                cells = _cell_sums(finer[1], scale // finer[0])
            else:
                cells = _cell_sums(gradient, scale)
            finer = scale, cells
            if scale not in state:
                state[scale] = torch.zeros_like(cells), torch.zeros_like(cells)
            first, second = state[scale]
            first.lerp_(cells, 1 - beta1)
            second.lerp_(cells.square(), 1 - beta2)
            root = (second / (1 - beta2**count)).sqrt_().add_(group["eps"])
            direction = first.div(root).div_(1 - beta1**count)
            if scale > 1:
                height, width = images.shape[-2:]
                direction = F.interpolate(direction, scale_factor=scale, mode="bilinear")[..., :height, :width]
            images.sub_(direction, alpha=group["lr"] * weight)


def _cell_sums(gradient: Tensor, side: int) -> Tensor:
    """The gradient to each cell: the sum over its pixels; cells at the right and lower edge may be cut."""
    return gradient if side == 1 else F.avg_pool2d(gradient, side, ceil_mode=True, divisor_override=1)
