"""What the images are optimized for: several losses, summed."""

import logging
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.synthesis.losses.base import Loss, SynthesisState
from diode_pl.synthesis.weighting import LossWeighting

log = logging.getLogger(__name__)


class Objective:
    """The weighted sum of the losses that have a weight in the current stage.

    Args:
        losses: by name.
        balance: makes factors of their weights.

    Attributes:
        terms: of the last step, raw and without gradient, and their weighted ``total``.
    """

    def __init__(self, losses: Mapping[str, Loss], balance: LossWeighting) -> None:
        self.losses, self.balance = dict(losses), balance
        self.active: dict[str, Loss] = {}
        self.terms: dict[str, Tensor] = {}
        self._told = False

    def begin(self, weights: Mapping[str, float], detector: Detector, resolution: int) -> None:
        """Called before the first step of a stage.

        Args:
            weights: of all losses; 0 leaves one out.
            detector: the frozen teacher.
            resolution: side of the stage's images in pixels.

        Raises:
            ValueError: no loss that has a weight can be computed on the teacher.
        """
        wanted = {name: loss for name, loss in self.losses.items() if weights[name] > 0}
        self.active = {name: loss for name, loss in wanted.items() if loss.applies_to(detector)}
        if not self.active:
            raise ValueError(f"losses: none of {', '.join(wanted)} suits this teacher; add another")
        if (idle := wanted.keys() - self.active.keys()) and not self._told:
            self._told = True
            why, so = "the teacher has no batch norm layers", "image priors and augmentations lead alone"
            if detector.norm_layers():
                why = "none of the teacher's batch norm layers is among those that they ask for"
                so = "losses.NAME.layers=all asks for every one"
            log.warning("left out, as %s: %s; %s", why, ", ".join(name for name in wanted if name in idle), so)
        for loss in self.active.values():
            loss.prepare(detector, resolution)
        self.balance.begin({name: weights[name] for name in self.active})

    def norm_layers_needed(self, detector: Detector) -> int:
        """How many leading norm layers of ``detector`` must be watched in this stage."""
        return max(loss.norm_layers_needed(detector) for loss in self.active.values())

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        """The sum, with gradient."""
        terms = {name: loss(step) for name, loss in self.active.items()}
        weights = self.balance.weights(terms, step.pixels)
        # A weight of 0 would not do: times a term that is no number it is no number either.
        total = torch.stack([weights[name] * term for name, term in terms.items() if weights[name]]).sum()
        self.terms = {name: term.detach() for name, term in terms.items()} | {"total": total.detach()}
        return total

    def values(self) -> dict[str, float]:
        """All of ``terms``, and what the balance shows; waits for the device, once."""
        return (
            dict(zip(self.terms, torch.stack(list(self.terms.values())).tolist(), strict=True)) | self.balance.values()
        )
