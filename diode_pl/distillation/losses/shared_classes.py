"""Matching of classes between a student and its teacher or classifier."""

import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.detector import Detector

log = logging.getLogger(__name__)

_MAX_NAMES = 10  # in a warning; a detector may have a thousand classes


class SharedClasses(nn.Module):
    """Labels of the shared classes, matched by name; buffers that are not saved in checkpoints.

    Attributes:
        teacher: label of each shared class in the teacher's numbering; empty before :meth:`match`.
        student: label of each in the student's numbering.
    """

    teacher: Tensor
    student: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("teacher", torch.zeros(0, dtype=torch.long), persistent=False)
        self.register_buffer("student", torch.zeros(0, dtype=torch.long), persistent=False)

    def match(self, teacher_labels: Mapping[str, int], student: Detector, who: str = "teacher") -> None:
        """Matches the classes and moves to the student's device; raises a ValueError if no class is shared.

        Args:
            teacher_labels: class name -> label in the teacher's numbering.
            student: the detector that is trained.
            who: role of the teaching network in the error message.
        """
        labels, matches = list(teacher_labels.values()), match_classes(student.class_names, list(teacher_labels))
        shared = [(labels[match], label) for label, match in enumerate(matches) if match >= 0]
        if not shared:
            raise ValueError(
                f"student and {who}: they share no class, the {who}'s are {list(teacher_labels)}, the student's "
                f"{list(student.class_names)}"
            )
        device = next(student.parameters()).device
        self.teacher, self.student = torch.tensor(shared, device=device).unbind(dim=1)


def shared_labels(teacher: Detector, student: Detector) -> list[int]:
    """Returns the student's labels of the shared classes; warns about classes that only one of the two has."""
    matches = match_classes(student.class_names, teacher.class_names)
    student_only = [name for name, match in zip(student.class_names, matches, strict=True) if match < 0]
    teacher_only = [name for label, name in enumerate(teacher.class_names) if label not in matches]
    if student_only:
        message = "student: the teacher lacks %d of its classes; it cannot teach them, and is not evaluated on them: %s"
        log.warning(message, len(student_only), _format_names(student_only))
    if teacher_only:
        message = "teacher: the student lacks %d of its classes; the teacher's detections of them are dropped: %s"
        log.warning(message, len(teacher_only), _format_names(teacher_only))
    return [label for label, match in enumerate(matches) if match >= 0]


def _format_names(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MAX_NAMES])} and {more} more"
