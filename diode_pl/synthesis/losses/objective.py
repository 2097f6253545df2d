"""What the images are optimized for: several losses, summed."""

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
    """The weighted sum of the losses that have a weight in the current stage.

    Args:
        losses: by name; None leaves one out.
        weighting: turns their weights into factors.

    Attributes:
        losses: by name, those left out are missing.
        active: those of the current stage.
        norm_layers: number of leading norm layers of the teacher that must be recorded in the current stage.
        terms: of the last step, raw and without gradient, and their weighted ``total``.
    """

    def __init__(self, losses: Mapping[str, Loss | None], weighting: LossWeighting) -> None:
        self.losses = {name: loss for name, loss in losses.items() if loss is not None}
        self.weighting = weighting
        self.active: dict[str, Loss] = {}
        self.norm_layers = 0
        self.terms: dict[str, Tensor] = {}
        self._names = set(losses)
        self._warned = False

    def weights(self, factors: Mapping[str, float]) -> dict[str, float]:
        """Weights of the losses in a stage, those above 0.

        Args:
            factors: of the stage, by loss; 1 where a loss is not named.

        Raises:
            ValueError: a loss does not exist, or no weight is above 0.
        """
        if unknown := sorted(set(factors) - self._names):
            raise ValueError(f"loss_factors: no loss named {unknown}; there are {sorted(self._names)}")
        weights = {name: factors.get(name, 1.0) * loss.weight for name, loss in self.losses.items()}
        if not any(weight > 0 for weight in weights.values()):
            raise ValueError("losses: all are null or have weight 0; detection makes objects")
        return {name: weight for name, weight in weights.items() if weight > 0}

    def begin(self, factors: Mapping[str, float], detector: Detector, resolution: int) -> None:
        """Called before the first step of a stage.

        Args:
            factors: of the stage, see :meth:`weights`.
            detector: the frozen teacher.
            resolution: side of the stage's images in pixels.

        Raises:
            ValueError: no loss that has a weight can be computed on the teacher.
        """
        weights = self.weights(factors)
        self.active = {name: self.losses[name] for name in weights if self.losses[name].prepare(detector, resolution)}
        self.norm_layers = max((loss.norm_layers for loss in self.active.values()), default=0)
        if not self.active:
            raise ValueError(f"losses: none of {', '.join(weights)} suits this teacher; add another")
        if (idle := weights.keys() - self.active.keys()) and not self._warned:
            self._warned = True
            why, so = "the teacher has no batch norm layers", "image priors and augmentations lead alone"
            if detector.norm_layers():
                why = "none of the teacher's batch norm layers is among those that they ask for"
                so = "layers=all of a loss asks for every one"
            log.warning("left out, as %s: %s; %s", why, ", ".join(name for name in weights if name in idle), so)
        self.weighting.begin({name: weights[name] for name in self.active})

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        """The sum, with gradient."""
        terms = {name: loss(step) for name, loss in self.active.items()}
        factors = self.weighting.factors(terms, step.pixels)
        # A term with factor 0 is left out, not multiplied: 0 times NaN is NaN.
        total = torch.stack([factors[name] * term for name, term in terms.items() if factors[name]]).sum()
        self.terms = {name: term.detach() for name, term in terms.items()} | {"total": total.detach()}
        return total

    def values(self) -> dict[str, float]:
        """All of ``terms``, and what the weighting logs; triggers one device sync."""
        values = torch.stack(list(self.terms.values())).tolist()
        return dict(zip(self.terms, values, strict=True)) | self.weighting.values()
