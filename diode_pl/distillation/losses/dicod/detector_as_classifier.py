"""The frozen detector as classification teacher: no training, no data."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch
from diode_pl.distillation.losses.dicod.classifier_teacher import CropTeacher
from diode_pl.numerics.box_ops import iou

_PAIRS_AT_ONCE = 2**20  # of boxes and candidates that are compared: bounds the memory


class DetectorAsClassifier(CropTeacher):
    """Uses the logits of the teacher's candidate with the largest objectness x IoU with the box; -inf if all are 0.

    Crops are compared in the teacher's stem.

    Args:
        crop_size: height and width of the crops in pixels, >= 8.

    Raises:
        ValueError: if ``crop_size`` is below 8.

    Example:
        >>> from diode_pl import load_detector
        >>> classifier, detector = DetectorAsClassifier(crop_size=32), load_detector(width=0.1).eval()
        >>> classifier.check(detector, detector)
        >>> [maps.shape[0] for maps in classifier.features(torch.rand(5, 3, 32, 32))]
        [5]
    """

    needs_detector = True
    for_logits, for_features = ("class_logits",), ("forward_stem",)

    def __init__(self, crop_size: int = 64) -> None:
        super().__init__()
        if crop_size < 8:
            raise ValueError(f"DetectorAsClassifier: crop_size must be >= 8 pixels, got {crop_size}")
        self.crop_size = crop_size
        self._detector: tuple[Detector, ...] = ()  # nn.Module does not register what is inside a tuple

    def check(self, teacher: Detector | None, student: Detector) -> None:
        if teacher is None:
            raise ValueError("teacher: DetectorAsClassifier needs one, got None; TrainedClassifier needs none")
        self._detector = (teacher,)
        self.kind, self.class_names = teacher.class_activation, teacher.class_names

    def learned_classes(self) -> dict[str, int]:
        return self._detector[0].learned_classes()

    @torch.no_grad()
    def object_logits(
        self, batch: DistillationBatch, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        teacher, outputs = batch.teacher_or_raise()
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
