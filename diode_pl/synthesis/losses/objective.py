"""The synthesis objective: a weighted sum of losses."""

import logging
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.synthesis.loss_weighting import LossWeighting
from diode_pl.synthesis.losses.base import Loss, SynthesisState

log = logging.getLogger(__name__)


class Objective:
    """Weighted sum of the losses that are active in the current stage.

    Args:
        losses: by name; None removes one.
        weighting: computes factors from their weights.

    Attributes:
        active: losses of the current stage, by name.
        norm_layers: number of leading norm layers of the teacher to record in the current stage.
        terms: raw terms of the last step and their weighted ``total``, without gradient.

    Example:
        >>> from diode_pl.synthesis.loss_weighting import ConstantWeights
        >>> from diode_pl.synthesis.losses import Detection, TotalVariation
        >>> losses = {"detection": Detection(1.0), "total_variation": TotalVariation(75.0)}
        >>> Objective(losses, ConstantWeights()).weights({"total_variation": 0.1})
        {'detection': 1.0, 'total_variation': 7.5}
    """

    def __init__(self, losses: Mapping[str, Loss | None], weighting: LossWeighting) -> None:
        self.losses = {name: loss for name, loss in losses.items() if loss is not None}
        self.weighting = weighting
        self.active: dict[str, Loss] = {}
        self.norm_layers = 0
        self.terms: dict[str, Tensor] = {}
        self._factors: dict[str, float] = {}  # of the last step
        self._names = set(losses)
        self._warned = False

    def weights(self, factors: Mapping[str, float]) -> dict[str, float]:
        """Returns the weights > 0 of a stage's losses, given the stage's factors by name (1 if missing).

        Raises:
            ValueError: if a loss is unknown, or no weight is > 0.
        """
        if unknown := sorted(set(factors) - self._names):
            raise ValueError(f"loss_factors: no loss named {unknown}; expected some of {sorted(self._names)}")
        weights = {name: factors.get(name, 1.0) * loss.weight for name, loss in self.losses.items()}
        if not any(weight > 0 for weight in weights.values()):
            raise ValueError("losses: all are None or have weight 0; add at least detection")
        return {name: weight for name, weight in weights.items() if weight > 0}

    def begin(self, factors: Mapping[str, float], detector: Detector, resolution: int) -> None:
        """Called before the first step of a stage; ``factors`` as in :meth:`weights`.

        Raises:
            ValueError: if no loss with a weight can be computed on the teacher.
        """
        weights = self.weights(factors)
        self.active = {name: self.losses[name] for name in weights if self.losses[name].prepare(detector, resolution)}
        self.norm_layers = max((loss.norm_layers for loss in self.active.values()), default=0)
        if not self.active:
            raise ValueError(f"losses: none of {', '.join(weights)} can be computed with this teacher; add another")
        if (idle := weights.keys() - self.active.keys()) and not self._warned:
            self._warned = True
            why, so = "the teacher has no batch norm layers", "only image priors and augmentations remain"
            if detector.norm_layers():
                why = "they select none of the teacher's batch norm layers"
                so = "layers=all selects all of them"
            log.warning("left out because %s: %s; %s", why, ", ".join(name for name in weights if name in idle), so)
        self.weighting.begin({name: weights[name] for name in self.active})

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        terms = {name: loss(step) for name, loss in self.active.items()}
        factors = self.weighting.factors(terms, step.pixels)
        self._factors = dict(factors)
        # A term with factor 0 is left out, not multiplied: 0 times NaN is NaN.
        total = torch.stack([factors[name] * term for name, term in terms.items() if factors[name]]).sum()
        self.terms = {name: term.detach() for name, term in terms.items()} | {"total": total.detach()}
        return total

    def values(self) -> dict[str, float]:
        """Values of ``terms`` and of the weighting; triggers one device sync."""
        values = torch.stack(list(self.terms.values())).tolist()
        return dict(zip(self.terms, values, strict=True)) | self.weighting.values()

    def shares(self, values: Mapping[str, float]) -> dict[str, float]:
        """Part of each term, times its factor, in the sum of their magnitudes: in [0, 1].

        Args:
            values: those of :meth:`values`.
        """
        parts = {name: abs(values[name] * self._factors.get(name, 0.0)) for name in self.terms if name != "total"}
        whole = sum(parts.values())
        return {name: part / whole if whole else 0.0 for name, part in parts.items()}
