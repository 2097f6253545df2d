"""Which factor each term of the synthesis objective gets."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.numerics.dtypes import at_least_float32

# Of a gradient while it is measured, as torch's own gradient scaler begins; and how much it changes at a time. Powers
# of two: where no number is too large or too small, the scaled gradient has the same bits as the plain one.
_FIRST_SCALE, _SCALE_STEP = 2.0**16, 2.0**4


class LossWeighting(ABC):
    """Turns the weights of the losses into factors of the terms."""

    def begin(self, weights: Mapping[str, float]) -> None:
        """Starts a stage and forgets the one before.

        Args:
            weights: of each term of the stage, positive.
        """
        self.weights = dict(weights)

    @abstractmethod
    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """The factor of each term in this step; 0 for one that is left out of the sum.

        Args:
            terms: raw, with gradient.
            pixels: the images that are optimized; the terms depend on them.
        """

    def values(self) -> dict[str, float]:
        """Values of the last step to log, by name."""
        return {}


class ConstantWeights(LossWeighting):
    """The factor of each term is its weight, in every step."""

    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """The weights."""
        return self.weights


class GradientShares(LossWeighting):
    """The weight of each term is its share of the gradient with respect to the pixels.

    A term's factor is its share divided by the L2 norm of its gradient. The norms are measured in the first steps of a
    stage, with one backward pass per term; the mean over the later half of the steps so far counts, and after the last
    measured step the factors stay. The earlier half is left out because noise is not an image yet: there the gradient
    of a detection loss can be several times as large as a moment later, with some detectors more than with others,
    while those of the other terms change less (docs/results.md). Only the ratios of the weights count: they are divided
    by their sum, so that the whole gradient has a norm of about 1 whatever the units of the losses, which half
    precision can hold.

    A term whose gradient is 0 or not finite in a step is left out of that step; one without any usable gradient is left
    out of the stage. If that leaves no term, the shares themselves are the factors, and what is broken shows as it does
    with constant weights.

    Args:
        steps: number of steps of each stage that are measured, >= 1.

    Raises:
        ValueError: ``steps`` is below 1.
    """

    def __init__(self, steps: int = 30) -> None:
        if type(steps) is not int or steps < 1:
            raise ValueError(f"steps must be an integer >= 1, got {steps!r}; 30 is usual")
        self.steps = steps

    def begin(self, weights: Mapping[str, float]) -> None:
        """Starts a stage; measured norms are forgotten."""
        super().begin(weights)
        total = sum(weights.values())
        self._shares = {name: weight / total for name, weight in weights.items()}
        self._norms: dict[str, list[float]] = {name: [] for name in weights}
        self._scales = dict.fromkeys(weights, _FIRST_SCALE)
        self._factors = dict(self._shares)
        self._step = 0

    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """Share by mean norm of the later half; triggers a device sync in each step that is measured, none later."""
        if self._step <= self.steps:
            # One step more than are measured: terms that were left out of the last one come back.
            usable = self._measure(terms, pixels) if self._step < self.steps else set(terms)
            measured = {name: norms for name, norms in self._norms.items() if norms and name in usable}
            means = {name: fmean(norms[len(norms) // 2 :]) for name, norms in measured.items()}
            factors = {name: share / means[name] if name in means else 0.0 for name, share in self._shares.items()}
            self._factors = factors if means else dict(self._shares)
            self._step += 1
        return self._factors

    def values(self) -> dict[str, float]:
        """The factor of each term in the last step, as ``NAME_weight``."""
        return {f"{name}_weight": factor for name, factor in self._factors.items()}

    def _measure(self, terms: Mapping[str, Tensor], pixels: Tensor) -> set[str]:
        """Records the norms of a step; returns the terms whose gradient can be used."""
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
        if not term.requires_grad:
            return pixels.new_zeros(())
        scaled = at_least_float32(term) * self._scales[name]
        (gradient,) = torch.autograd.grad(scaled, pixels, retain_graph=True, materialize_grads=True)
        return torch.linalg.vector_norm(gradient)
