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
        state = self.state[images]
        state["count"] = state.get("count", 0) + 1
        steps = list[Tensor]()
        cells, side = gradient, 1
        for scale, weight in zip(group["scales"], group["weights"], strict=True):
            # From the finer map where the scales divide each other: it is smaller than the image.
            cells = _cell_sums(cells, scale // side) if scale % side == 0 else _cell_sums(gradient, scale)
            side = scale
            steps.append(self._direction(cells, scale, state, group).mul_(group["lr"] * weight))
        images.sub_(_add_up(steps, group["scales"], images))

    def _direction(self, cells: Tensor, scale: int, state: dict[Any, Any], group: dict[str, Any]) -> Tensor:
        """Adam's step of the cells of one scale, for a learning rate of 1."""
        (beta1, beta2), count = group["betas"], state["count"]
        if scale not in state:
            state[scale] = torch.zeros_like(cells), torch.zeros_like(cells)
        first, second = state[scale]
        first.lerp_(cells, 1 - beta1)
        second.lerp_(cells.square(), 1 - beta2)
        root = (second / (1 - beta2**count)).sqrt_().add_(group["eps"])
        return first.div(root).div_(1 - beta1**count)


def _cell_sums(gradient: Tensor, side: int) -> Tensor:
    """Gradient with respect to each cell: the sum over its pixels; cells at the right and lower edge may be cut off."""
    if side == 1:
        return gradient
    if side == 2 and all(length % 2 == 0 for length in gradient.shape[-2:]):  # an eighth of the time of pooling
        rows = gradient[..., ::2, :] + gradient[..., 1::2, :]
        return rows[..., ::2] + rows[..., 1::2]
    return F.avg_pool2d(gradient, side, ceil_mode=True, divisor_override=1)


def _add_up(steps: Sequence[Tensor], scales: Sequence[int], images: Tensor) -> Tensor:
    """Sum of maps of several scales, as an image: each is enlarged to the next finer one and added to it.

    So nearly all enlarging is that of small maps. A map whose cells the next finer ones do not divide becomes an image
    at once.
    """
    total = torch.zeros_like(images)
    sum_so_far: Tensor | None = None
    side = 0
    for scale, step in sorted(zip(scales, steps, strict=True), key=lambda pair: -pair[0]):
        if sum_so_far is not None and side % scale == 0:
            step = step + _enlarge(sum_so_far, side // scale, step)
        elif sum_so_far is not None:
            total += _enlarge(sum_so_far, side, images)
        sum_so_far, side = step, scale
    assert sum_so_far is not None
    return total.add_(_enlarge(sum_so_far, side, images))


def _enlarge(cells: Tensor, side: int, like: Tensor) -> Tensor:
    """Interpolates a map to cells ``1 / side`` as large; what lies outside of ``like`` is cut off."""
    height, width = like.shape[-2:]
    return F.interpolate(cells, scale_factor=side, mode="bilinear")[..., :height, :width] if side > 1 else cells
