"""The detector's own training loss."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.losses.base import Loss, SynthesisState


class Detection(Loss):
    """The loss that the teacher was trained with, between its outputs and the wanted boxes.

    Args:
        weight: factor of the term; the scripts of the paper's code use 0.5 at 160 px and 1.0 elsewhere.

    Source: Chawla et al., WACV 2021, eq. 1.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        """The sum of the detector's loss terms."""
        return torch.stack(list(step.detector.loss(step.outputs, step.targets).values())).sum()
