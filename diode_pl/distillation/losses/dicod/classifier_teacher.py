"""Base class of the classification teachers of DICOD."""

from abc import ABC, abstractmethod
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch
from diode_pl.provenance import Provenance


class CropTeacher(nn.Module, ABC):
    """Classifies the objects in labeled boxes, and returns feature maps of crops.

    The loss freezes it, keeps it in eval mode and out of checkpoints, and moves it to the device of the images.

    Attributes:
        kind: activation that its logits were trained for, "sigmoid" or "softmax"; "sigmoid" if for both.
        class_names: in the order of the logits.
        crop_size: height and width of the crops in pixels.
        needs_detector: whether it reads the batch's teacher.
        provenance: data access besides that teacher; empty for none.
        for_logits, for_features: optional methods of that teacher that :meth:`object_logits` and :meth:`features` call.

    Example:
        >>> from diode_pl import load_detector
        >>> from diode_pl.distillation.losses.dicod import DetectorAsClassifier
        >>> teacher, detector = DetectorAsClassifier(), load_detector(width=0.1)
        >>> teacher.check(detector, detector)
        >>> teacher.kind, teacher.class_names[:2]
        ('sigmoid', ('mug', 'key'))
    """

    kind: str
    class_names: tuple[str, ...]
    crop_size: int
    needs_detector = False
    provenance = Provenance()
    for_logits: tuple[str, ...] = ()
    for_features: tuple[str, ...] = ()

    def check(self, teacher: Detector | None, student: Detector) -> None:
        """Called before the first step; raises a ValueError if the two detectors do not fit."""

    @property
    def facts(self) -> dict[str, Any]:
        """Metadata as plain data, for ``metrics.json``."""
        return {}

    def learned_classes(self) -> dict[str, int]:
        """Returns the index of the logit of each class that it was trained on, by name; the loss ignores the others."""
        return {name: position for position, name in enumerate(self.class_names)}

    @abstractmethod
    def object_logits(
        self, batch: DistillationBatch, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        """Returns the class logits of the object in each box, without gradient, in at least float32.

        Logits of -inf for all classes drop the box from the class term.

        Args:
            boxes: labeled: x1, y1, x2, y2 in units of image width and height.
            image_index: index of each box's image in the batch.
        """

    @abstractmethod
    def features(self, crops: Float[Tensor, "k 3 s s"]) -> list[Float[Tensor, "k _ _ _"]]:
        """Returns the feature maps in which crops are compared, differentiable in the crops.

        Args:
            crops: of ``crop_size``, in [0, 1].
        """
