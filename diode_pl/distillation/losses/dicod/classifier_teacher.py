"""What DICOD asks of a classification teacher."""

from abc import ABC, abstractmethod
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch
from diode_pl.provenance import Provenance


class CropTeacher(nn.Module, ABC):
    """Names the object in a labeled box, and shows its first layers.

    The loss freezes it, keeps it in eval mode and out of every checkpoint, and takes it along to its device.

    Attributes:
        kind: what its logits were trained for: "sigmoid", each class on its own, or "softmax". One that was trained
            for both says "sigmoid", whose logits serve a softmax too: given that exactly one of the classes is there,
            their probabilities are the softmax of these logits. The other way round this does not hold.
        class_names: one name a class, in the order of its logits.
        crop_size: side of the crops that it wants, in pixels.
        needs_detector: whether it reads the lesson's teacher.
        provenance: what it has seen, besides that teacher; empty for nothing.
        for_logits, for_features: methods of that teacher that :meth:`object_logits` and :meth:`features` call, and
            that not every detector has.
    """

    kind: str
    class_names: tuple[str, ...]
    crop_size: int
    needs_detector = False
    provenance = Provenance()
    for_logits: tuple[str, ...] = ()
    for_features: tuple[str, ...] = ()

    def check(self, teacher: Detector | None, student: Detector) -> None:
        """Called once, before the first step: refuses what it cannot serve, and takes what it needs of the two.

        Args:
            teacher: the frozen detector of the lessons; None where there is none.

        Raises:
            ValueError: it cannot serve the two.
        """

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it, as plain data, for the report of the training that it serves."""
        return {}

    def learned_classes(self) -> dict[str, int]:
        """The position of the logit of each class that training has shown to it, by name.

        The others are left out of the class term like classes that it lacks; what it says of them is chance.
        """
        return {name: position for position, name in enumerate(self.class_names)}

    @abstractmethod
    def object_logits(
        self, lesson: DistillationBatch, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        """Class logits of the object in each box, without gradient; in float32 or better.

        All of them -inf where it sees no object of any class: that box is dropped from the class term.

        Args:
            boxes: labeled ones: x1, y1, x2, y2 in units of image width and height.
            image_index: position of each one's image in the lesson.
        """

    @abstractmethod
    def features(self, crops: Float[Tensor, "k 3 s s"]) -> list[Float[Tensor, "k _ _ _"]]:
        """Feature maps of the layers in which crops are compared, differentiable in the crops.

        Args:
            crops: pieces of the lesson's images, ``crop_size`` wide and high; values in [0, 1].
        """
