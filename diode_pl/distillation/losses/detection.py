"""The student's own detection loss on labels."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss


class Detection(DistillLoss):
    """The sum of the terms of ``student.loss`` on the labeled boxes.

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> images, student = torch.rand(1, 3, 64, 64), load_detector(width=0.1)
        >>> targets = Targets.from_images([(torch.tensor([[0.2, 0.2, 0.6, 0.7]]), torch.tensor([3]))])
        >>> batch = DistillationBatch(images, student, None, student(images), None, targets)
        >>> bool(Detection()(batch) > 0)
        True
    """

    needs_teacher, needs_labels = False, True

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        return torch.stack(list(batch.student.loss(batch.student_outputs, batch.targets).values())).sum()
