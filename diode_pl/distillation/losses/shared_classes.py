"""The classes that a student and who teaches it have in common."""

import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.detector import Detector

log = logging.getLogger(__name__)

_NAMED = 10  # classes in a warning; a detector may have a thousand


class SharedClasses(nn.Module):
    """Classes that both know, matched by name. They follow a loss to its device, and are in no checkpoint.

    Attributes:
        teacher: what the one who teaches calls each of them; empty until they are matched.
        student: what the student calls it.
    """

    teacher: Tensor
    student: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("teacher", torch.zeros(0, dtype=torch.long), persistent=False)
        self.register_buffer("student", torch.zeros(0, dtype=torch.long), persistent=False)

    def match(self, taught: Mapping[str, int], student: Detector, who: str = "teacher") -> None:
        """Matches them, on the student's device.

        Args:
            taught: the number of each class by name, as the one who teaches counts.
            student: the detector that learns.
            who: teaches, for the message.

        Raises:
            ValueError: they share none.
        """
        numbers, found = list(taught.values()), match_classes(student.class_names, list(taught))
        shared = [(numbers[there], here) for here, there in enumerate(found) if there >= 0]
        if not shared:
            raise ValueError(
                f"student and {who}: they share no class, the {who}'s are {list(taught)}, the student's "
                f"{list(student.class_names)}"
            )
        device = next(student.parameters()).device
        self.teacher, self.student = torch.tensor(shared, device=device).unbind(dim=1)


def shared_labels(teacher: Detector, student: Detector) -> list[int]:
    """What the student calls the classes that both have, in its order; warns of those that only one of them has."""
    found = match_classes(student.class_names, teacher.class_names)
    of_student = [name for name, there in zip(student.class_names, found, strict=True) if there < 0]
    of_teacher = [name for label, name in enumerate(teacher.class_names) if label not in found]
    if of_student:
        log.warning(
            "student: the teacher does not have %d of its classes; it teaches nothing of them, and is not measured on "
            "them: %s",
            len(of_student),
            _listed(of_student),
        )
    if of_teacher:
        log.warning(
            "teacher: the student does not have %d of its classes; what the teacher finds of them is left out: %s",
            len(of_teacher),
            _listed(of_teacher),
        )
    return [here for here, there in enumerate(found) if there >= 0]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_NAMED])} and {more} more"
