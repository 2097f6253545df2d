"""The detector's own training loss."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.losses.base import Loss, SynthesisState


class Detection(Loss):
    """The teacher's own training loss between its outputs and the targets.

    Source: Chawla et al., WACV 2021, eq. 1; the paper's scripts use a weight of 0.5 at 160 px and 1.0 elsewhere.

    Example:
        >>> Detection(weight=0.5).weight
        0.5
    """

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        return torch.stack(list(step.detector.loss(step.outputs, step.targets).values())).sum()
