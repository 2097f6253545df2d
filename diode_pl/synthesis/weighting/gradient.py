"""Weights from what the terms do to the pixels."""

from collections.abc import Mapping
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.synthesis.weighting.base import LossWeighting

# Of a gradient while it is measured, as torch's own gradient scaler begins; and how much it changes at a time. Powers
# of two: where no number is too large or too small, the scaled gradient has the same bits as the plain one.
_FIRST_SCALE, _SCALE_STEP = 2.0**16, 2.0**4


class GradientShares(LossWeighting):
    """Every term has its share of the gradient: the weights in the YAML say which.

    A term's weight is its share, divided by the L2 norm of its gradient with respect to the pixels. In the first steps
    of a stage the norm is measured, one backward pass a term, and the mean over the later half of the steps so far
    counts; then the weights stand. The earlier half is left out because noise is no image yet: there the gradient of a
    detection loss can be several times as large as a moment later, with some detectors more than with others, while
    those of the other terms change less (docs/results.md). Only the ratios of the stated weights count: they are
    divided by their sum, so that the whole gradient has a norm of about 1 whatever the losses' units are, which half
    precision can hold.

    A term whose gradient in a step is 0 or not finite is left out of that step; one without a single usable gradient
    is left out of the stage. Where that leaves no term at all, the shares themselves are the weights: what is broken
    shows as it does with fixed weights.

    Args:
        steps: so many steps of each stage are measured.

    Raises:
        ValueError: ``steps`` is below 1.
    """

    def __init__(self, steps: int = 30) -> None:
        if type(steps) is not int or steps < 1:
            raise ValueError(f"balance.steps must be a whole number from 1 on, got {steps!r}; 30 is usual")
        self.steps = steps

    def begin(self, stated: Mapping[str, float]) -> None:
        """Forgets what was measured."""
        super().begin(stated)
        total = sum(stated.values())
        self._shares = {name: weight / total for name, weight in stated.items()}
        self._norms: dict[str, list[float]] = {name: [] for name in stated}
        self._scales = dict.fromkeys(stated, _FIRST_SCALE)
        self._weights = dict(self._shares)
        self._step = 0

    def weights(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """Share by mean norm of the later half; waits for the device while it measures, and no more after that."""
        if self._step <= self.steps:
            # One step more than are measured: terms that were left out of the last one come back.
            usable = self._measure(terms, pixels) if self._step < self.steps else set(terms)
            measured = {name: norms for name, norms in self._norms.items() if norms and name in usable}
            means = {name: fmean(norms[len(norms) // 2 :]) for name, norms in measured.items()}
            weights = {name: share / means[name] if name in means else 0.0 for name, share in self._shares.items()}
            self._weights = weights if means else dict(self._shares)
            self._step += 1
        return self._weights

    def values(self) -> dict[str, float]:
        """The weight of each term in the last step."""
        return {f"{name}_weight": weight for name, weight in self._weights.items()}

    def _measure(self, terms: Mapping[str, Tensor], pixels: Tensor) -> set[str]:
        """Takes in the norms of a step; returns the terms whose gradient can be used."""
        norms = torch.stack([self._scaled_norm(name, term, pixels) for name, term in terms.items()])
        usable = set()
        for name, norm in zip(terms, norms.tolist(), strict=True):
            if 0 < norm < float("inf"):
                usable.add(name)
                self._norms[name].append(norm / self._scales[name])
            else:
                # In half precision this may be the fault of the scale alone: the next step tries another.
                self._scales[name] *= _SCALE_STEP if norm == 0 else 1 / _SCALE_STEP
        return usable

    def _scaled_norm(self, name: str, term: Tensor, pixels: Tensor) -> Tensor:
        if not term.requires_grad:  # such as batch norm on a network that has none
            return pixels.new_zeros(())
        scaled = at_least_float32(term) * self._scales[name]
        (gradient,) = torch.autograd.grad(scaled, pixels, retain_graph=True, materialize_grads=True)
        return torch.linalg.vector_norm(gradient)
