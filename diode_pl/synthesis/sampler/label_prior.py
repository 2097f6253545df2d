"""What a teacher itself says of the objects that it was trained on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelPrior:
    """What a teacher's weights and architecture say of its training objects, without an image.

    Args:
        classes: label of each class that the teacher was trained on, by name.
        anchors: width and height of each anchor that was fit to the boxes of the training images, in units of image
            width and height; empty by default.

    Example:
        >>> from diode_pl import load_detector
        >>> prior = LabelPrior.from_teacher(load_detector(weights="embedded"))
        >>> prior.classes["key"], prior.anchors[0]
        (1, tensor([0.1125, 0.1125]))
    """

    classes: Mapping[str, int]
    anchors: Float[Tensor, "k 2"] = field(default_factory=lambda: torch.zeros(0, 2))

    @classmethod
    def from_teacher(cls, teacher: Detector) -> "LabelPrior":
        """Collects it from a teacher, and warns of classes that it was not trained on.

        Raises:
            ValueError: if it was trained on none.
        """
        classes = teacher.learned_classes()
        unlearned = [name for name in teacher.class_names if name not in classes]
        if unlearned:
            message = "classes left out because the teacher's weights show no training example: %s "
            log.warning(f"{message}(twin_similarity=1 of the teacher keeps them)", ", ".join(unlearned))
        if not classes:
            raise ValueError(
                "teacher: no class counts as trained at its twin_similarity; teacher.twin_similarity=1 keeps all"
            )
        return cls(classes, teacher.fitted_anchors().cpu())
