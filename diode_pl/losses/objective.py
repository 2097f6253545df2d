"""What the images are optimised for: several losses, summed."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.balance import Balance
from diode_pl.detector import Detector
from diode_pl.losses.base import Loss, Step


class Objective:
    """The weighted sum of the losses that have a weight in the current stage.

    Args:
        losses: by name.
        balance: makes factors of their weights.

    Attributes:
        terms: of the last step, raw and without gradient, and their weighted ``total``.
    """

    def __init__(self, losses: Mapping[str, Loss], balance: Balance) -> None:
        self.losses, self.balance = dict(losses), balance
        self.active: dict[str, Loss] = {}
        self.terms: dict[str, Tensor] = {}

    def begin(self, weights: Mapping[str, float], detector: Detector, resolution: int) -> None:
        """Called before the first step of a stage.

        Args:
            weights: of all losses; 0 leaves one out.
            detector: the frozen teacher.
            resolution: side of the stage's images in pixels.
        """
        self.active = {name: loss for name, loss in self.losses.items() if weights[name] > 0}
        for loss in self.active.values():
            loss.prepare(detector, resolution)
        self.balance.begin({name: weights[name] for name in self.active})

    def norm_layers_needed(self, detector: Detector) -> int:
        """How many leading norm layers of ``detector`` must be watched in this stage."""
        return max(loss.norm_layers_needed(detector) for loss in self.active.values())

    def __call__(self, step: Step) -> Float[Tensor, ""]:
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
