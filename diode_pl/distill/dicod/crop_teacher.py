"""What DICOD asks of a classification teacher."""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.detector import Detector
from diode_pl.distill.base import Lesson


class CropTeacher(nn.Module, ABC):
    """Names the object in a labelled box, and shows its first layers.

    The loss freezes it, keeps it in eval mode and out of every checkpoint, and takes it along to its device.

    Attributes:
        kind: what its logits were trained for: "sigmoid", each class on its own, or "softmax". One that was trained
            for both says "sigmoid".
        class_names: one name a class, in the order of its logits.
        crop_size: side of the crops that it wants, in pixels.
        needs_detector: whether it reads the lesson's teacher.
        data_access: what was seen on the way to it, beside that teacher.
    """

    kind: str
    class_names: tuple[str, ...]
    crop_size: int
    needs_detector = False
    data_access: tuple[str, ...] = ()

    def check(self, teacher: Detector | None, student: Detector) -> None:
        """Called once, before the first step: refuses what it cannot serve, and takes what it needs of the two.

        Args:
            teacher: the frozen detector of the lessons; None where there is none.

        Raises:
            ValueError: it knows none of the student's classes.
        """
        if max(match_classes(student.class_names, self.class_names), default=-1) < 0:
            raise ValueError(
                f"{type(self).__name__} and student share no class: the classifier's are {list(self.class_names)}, the "
                f"student's {list(student.class_names)}; give the student classes that the classifier knows "
                "(student.names), or take another classifier"
            )

    @abstractmethod
    def object_logits(
        self, lesson: Lesson, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        """Class logits of the object in each box, without gradient; in float32 or better.

        Args:
            boxes: labelled ones: x1, y1, x2, y2 in units of image width and height.
            image_index: position of each one's image in the lesson.
        """

    @abstractmethod
    def features(self, crops: Float[Tensor, "k 3 s s"]) -> list[Float[Tensor, "k _ _ _"]]:
        """Feature maps of the layers in which crops are compared, differentiable in the crops.

        Args:
            crops: pieces of the lesson's images, ``crop_size`` wide and high; values in [0, 1].
        """
