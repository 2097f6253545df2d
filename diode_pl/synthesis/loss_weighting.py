"""Weighting of the terms of the synthesis objective."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.numerics.dtypes import at_least_float32

# Scale of a gradient while it is measured (the initial value of torch's GradScaler), and the factor it changes by.
# Powers of two: without overflow or underflow the scaled gradient has the same bits as the unscaled one.
_INITIAL_SCALE, _SCALE_STEP = 2.0**16, 2.0**4


class LossWeighting(ABC):
    """Computes the factor of each loss term from its weight.

    Example:
        >>> class Halved(LossWeighting):
        ...     def factors(self, terms, pixels):
        ...         return {name: weight / 2 for name, weight in self.weights.items()}
    """

    def begin(self, weights: Mapping[str, float]) -> None:
        """Starts a stage and resets all state.

        Args:
            weights: weight of each active term, > 0.
        """
        self.weights = dict(weights)

    @abstractmethod
    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """Returns the factor of each term in this step; a term with factor 0 is left out of the sum.

        Args:
            terms: raw terms, with gradient.
            pixels: the optimized images, which the terms depend on.
        """

    def values(self) -> dict[str, float]:
        """Values of the last step for the logs, by name."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What the steps of a stage leave behind for the next ones, as plain data; empty if nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state, after :meth:`begin`."""
        if state:
            raise NotImplementedError(f"{type(self).__name__} has a state_dict and no load_state_dict")


class ConstantWeights(LossWeighting):
    """Uses the weight of each term as its factor, in every step.

    Example:
        >>> weighting = ConstantWeights()
        >>> weighting.begin({"detection": 1.0, "total_variation": 75.0})
        >>> weighting.factors({}, torch.zeros(1, 3, 8, 8))
        {'detection': 1.0, 'total_variation': 75.0}
    """

    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        return self.weights


class GradientShares(LossWeighting):
    """Gives each term a share of the pixel gradient in proportion to its weight.

    A term's factor is its share divided by the L2 norm of its gradient with respect to the pixels. The norms are
    measured in some of the first steps of a stage, with one backward pass per term, and averaged over the later
    half of the steps measured so far; then the factors are fixed. The earlier half is ignored because the gradient
    of a detection loss on noise can be several times larger than a few steps later (docs/results.md). Weights are
    divided by their sum, so the total gradient has a norm of about 1, which half precision can represent.

    A term whose gradient is 0 or not finite is left out of that step, and one without any usable gradient is left out
    of the stage. If no term is left, the shares are the factors.

    Args:
        steps: number of first steps of a stage among which some are measured, >= 1.
        every: steps from one measured step to the next, >= 1.

    Raises:
        ValueError: if ``steps`` or ``every`` is below 1.

    Example:
        >>> weighting, pixels = GradientShares(steps=2), torch.ones(1, 3, 1, 1, requires_grad=True)
        >>> weighting.begin({"a": 3.0, "b": 1.0})
        >>> factors = weighting.factors({"a": pixels[0, 0].sum(), "b": 10 * pixels[0, 0].sum()}, pixels)
        >>> {name: round(factor, 3) for name, factor in factors.items()}
        {'a': 0.75, 'b': 0.025}
    """

    def __init__(self, steps: int = 30, every: int = 1) -> None:
        for name, value, default in (("steps", steps, 30), ("every", every, 1)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}; the default is {default}")
        self.steps, self.every = steps, every

    def begin(self, weights: Mapping[str, float]) -> None:
        super().begin(weights)
        total = sum(weights.values())
        self._shares = {name: weight / total for name, weight in weights.items()}
        self._norms = {name: list[float]() for name in weights}
        self._scales = dict.fromkeys(weights, _INITIAL_SCALE)
        self._factors, self._step = dict(self._shares), 0

    def factors(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """Returns share / mean norm; triggers a device sync in measured steps only."""
        if self._step <= self.steps:
            # In a step that is not measured, terms that the last measured one left out come back.
            is_measured = self._step < self.steps and self._step % self.every == 0
            usable = self._measure(terms, pixels) if is_measured else set(terms)
            measured = {name: norms for name, norms in self._norms.items() if norms and name in usable}
            means = {name: fmean(norms[len(norms) // 2 :]) for name, norms in measured.items()}
            factors = {name: share / means[name] if name in means else 0.0 for name, share in self._shares.items()}
            self._factors = factors if means else dict(self._shares)
            self._step += 1
        return self._factors

    def values(self) -> dict[str, float]:
        """The factor of each term in the last step, as ``NAME_weight``."""
        return {f"{name}_weight": factor for name, factor in self._factors.items()}

    def state_dict(self) -> dict[str, Any]:
        """Norms and scales that were measured, and the factors."""
        return {"norms": self._norms, "scales": self._scales, "factors": self._factors, "step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._norms, self._scales = state["norms"], state["scales"]
        self._factors, self._step = state["factors"], state["step"]

    def _measure(self, terms: Mapping[str, Tensor], pixels: Tensor) -> set[str]:
        """Records the gradient norms of a step; returns the terms with a usable gradient."""
        norms = torch.stack([self._scaled_norm(name, term, pixels) for name, term in terms.items()])
        usable = set()
        for name, norm in zip(terms, norms.tolist(), strict=True):
            if 0 < norm < float("inf"):
                usable.add(name)
                self._norms[name].append(norm / self._scales[name])
            else:
                # In half precision the scale alone can cause this: the next step tries another.
                self._scales[name] *= _SCALE_STEP if norm == 0 else 1 / _SCALE_STEP
        return usable

    def _scaled_norm(self, name: str, term: Tensor, pixels: Tensor) -> Tensor:
        if not term.requires_grad:
            return pixels.new_zeros(())
        scaled = at_least_float32(term) * self._scales[name]
        (gradient,) = torch.autograd.grad(scaled, pixels, retain_graph=True, materialize_grads=True)
        return torch.linalg.vector_norm(gradient)
