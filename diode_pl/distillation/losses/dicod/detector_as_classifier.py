"""The frozen detector in the classifier's place: no training, no data."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch
from diode_pl.distillation.losses.dicod.classifier_teacher import CropTeacher
from diode_pl.numerics.box_ops import iou

_PAIRS_AT_ONCE = 2**20  # of boxes and candidates that are compared: bounds the memory


class DetectorAsClassifier(CropTeacher):
    """Says of an object what the lesson's teacher says at its best candidate: largest objectness x IoU with the box.

    Nothing where all of these are 0. The layers in which crops are compared are the teacher's stem.

    Args:
        crop_size: side of the crops in pixels.

    Raises:
        ValueError: ``crop_size`` is below 8.
    """

    needs_detector = True
    for_logits, for_features = ("class_logits",), ("forward_stem",)

    def __init__(self, crop_size: int = 64) -> None:
        super().__init__()
        if crop_size < 8:
            raise ValueError(f"DetectorAsClassifier: crop_size must be >= 8 pixels, got {crop_size}")
        self.crop_size = crop_size
        self._detector: tuple[Detector, ...] = ()  # inside a tuple, modules do not find it

    def check(self, teacher: Detector | None, student: Detector) -> None:
        if teacher is None:
            raise ValueError(
                "teacher: DetectorAsClassifier needs one, got None; a trained classifier of its own serves Dicod too"
            )
        self._detector = (teacher,)
        self.kind, self.class_names = teacher.class_activation, teacher.class_names

    def learned_classes(self) -> dict[str, int]:
        return self._detector[0].learned_classes()

    @torch.no_grad()
    def object_logits(
        self, lesson: DistillationBatch, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        teacher, outputs = lesson.teacher_or_raise()
        dense = teacher.decode(outputs)
        at_once, best = max(1, _PAIRS_AT_ONCE // dense.objectness.shape[1]), [image_index[:0]]
        silent = [torch.zeros_like(image_index[:0], dtype=torch.bool)]
        for some, image in zip(boxes.split(at_once), image_index.split(at_once), strict=True):
            overlap = iou(some.to(dense.boxes.dtype)[:, None], dense.boxes[image])
            score, candidate = (dense.objectness[image] * overlap).max(dim=1)
            best.append(candidate)
            silent.append(score == 0)
        logits = teacher.class_logits(outputs)[image_index, torch.cat(best)]
        return logits.masked_fill(torch.cat(silent)[:, None], -torch.inf)

    def features(self, crops: Float[Tensor, "k 3 s s"]) -> list[Float[Tensor, "k _ _ _"]]:
        return [self._detector[0].forward_stem(crops)]
