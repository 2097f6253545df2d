"""Distillation between YOLO heads, box and classes scaled by the teacher's objectness."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import require_yolo_heads
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32


class ObjectnessScaled(DistillLoss):
    """Squared differences between YOLO heads of the same shape, box and classes scaled by the teacher's objectness.

    Objectness and classes are compared as probabilities; boxes as sigmoid(x), sigmoid(y) and the raw w and h, which
    are log sizes. The paper sums over cells; here the sums are divided by the total teacher objectness of the batch
    (at least 1), which keeps the paper's balance and makes the loss independent of batch size and empty cells.

    Args:
        weight, box, classes, objectness: factors of the loss in the sum and of its parts, finite and >= 0.

    Source: Mehta and Ozturk, Object Detection at 200 Frames per Second, ECCV workshops 2018 (arXiv 1805.06361),
    objectness scaled distillation.

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> images, detector = torch.rand(1, 3, 64, 64), load_detector(width=0.1).eval()
        >>> outputs = detector(images)
        >>> batch = DistillationBatch(images, detector, detector, outputs, outputs, Targets.from_images([]))
        >>> ObjectnessScaled()(batch).item()
        0.0
    """

    def __init__(self, weight: float = 1.0, box: float = 1.0, classes: float = 1.0, objectness: float = 1.0) -> None:
        super().__init__(weight)
        self.box, self.classes = self._gain("box", box), self._gain("classes", classes)
        self.objectness = self._gain("objectness", objectness)

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        require_yolo_heads(teacher, student, resolution)

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        _, outputs = batch.teacher_or_raise()
        heads = zip(batch.student_outputs.heads, outputs.heads, strict=True)
        with torch.autocast(outputs.heads[0].device.type, enabled=False):
            sums = [self._scale(at_least_float32(s), at_least_float32(t.detach())) for s, t in heads]
            loss, objectness = (torch.stack(parts).sum() for parts in zip(*sums, strict=True))
            return loss / reduce_sum_per_process(objectness, at_least=1.0)

    def _scale(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the summed loss and the summed teacher objectness of one head."""
        scale = teacher[..., 4].sigmoid()
        center = (student[..., :2].sigmoid() - teacher[..., :2].sigmoid()).square().sum(dim=-1)
        size = (student[..., 2:4] - teacher[..., 2:4]).square().sum(dim=-1)
        classes = (student[..., 5:].sigmoid() - teacher[..., 5:].sigmoid()).square().sum(dim=-1)
        objectness = (student[..., 4].sigmoid() - scale).square()
        scaled = scale * (self.box * (center + size) + self.classes * classes)
        return (scaled + self.objectness * objectness).sum(), scale.sum()
