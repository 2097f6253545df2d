"""Adam on an image pyramid."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class PyramidAdam(torch.optim.Optimizer):
    """Adam on several scales of an image at once, so that coarse structure moves as fast as single pixels.

    Adam on pixels takes full steps where a gradient's sign is constant, and a detector's gradient is most constant at
    single pixels: noise grows first, colors and surfaces last. Here an image is, in effect, a sum of maps with several
    cell sizes, each with its own Adam state. The parameter is still the image, which can be clamped. With ``scales``
    (1,) this is Adam.

    Args:
        params: images ``(n, c, h, w)``.
        lr: step length in pixel values, for all scales together, > 0.
        betas: decay of the running gradient and squared gradient, each in [0, 1).
        eps: added to the root of the squared gradient, > 0.
        scales: cell sides in pixels, >= 1.
        weights: factor of ``lr`` for each scale; need not add up to 1.

    Raises:
        ValueError: if a number is out of range, or ``scales`` and ``weights`` differ in length.

    Source: Adam: Kingma and Ba, ICLR 2015, algorithm 1; image pyramids: Mordvintsev et al., Inceptionism, 2015.

    Example:
        >>> images = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
        >>> optimizer = PyramidAdam([images], lr=0.1, scales=(1, 4), weights=(0.5, 0.5))
        >>> images.square().sum().backward(); optimizer.step()
        >>> round(images.mean().item(), 3)
        0.4
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
        if len(scales) != len(weights) or min(scales, default=0) < 1 or min(weights, default=0.0) < 0:
            got = f"got {scales} and {weights}"
            raise ValueError(f"scales and weights: expected one weight >= 0 for each scale >= 1, {got}")
        options = {"lr": lr, "betas": tuple(betas), "eps": eps, "scales": tuple(scales), "weights": tuple(weights)}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Performs one step; images without a gradient are skipped."""
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
            # Reuses the finer map where the scales divide each other: it is smaller than the image.
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
    """Gradient with respect to each cell: the sum over its pixels; cells at the right and lower edge may be cut off."""
    return gradient if side == 1 else F.avg_pool2d(gradient, side, ceil_mode=True, divisor_override=1)
