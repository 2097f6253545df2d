"""Checks that the raw heads of two detectors can be compared elementwise."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from diode_pl.class_names import match_classes
from diode_pl.detector import Detector, Outputs

_UNLIKE_HEADS = "Decoded matches decoded boxes of unlike heads"


@torch.no_grad()
def probe(detector: Detector, resolution: int) -> Outputs:
    """Returns a detector's outputs on one black image of ``resolution`` pixels, without changing the detector.

    Raises:
        ValueError: if the detector does not support this size.
    """
    parameter = next(detector.parameters())
    with _eval_mode(detector):
        return detector(torch.zeros(1, 3, resolution, resolution, dtype=parameter.dtype, device=parameter.device))


@contextmanager
def _eval_mode(detector: Detector) -> Iterator[None]:
    """Eval mode; restores the mode of every layer on exit."""
    modes = {module: module.training for module in detector.modules()}
    detector.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def head_shapes(detector: Detector, resolution: int) -> list[tuple[int, ...]]:
    """Returns the shape of each raw head of :func:`probe`, of both stages, without the batch dimension."""
    with _eval_mode(detector):
        outputs = probe(detector, resolution)
        return [tuple(head.shape[1:]) for head in detector.heads_on_proposals_of(outputs, outputs)]


def require_like_heads(teacher: Detector, student: Detector, resolution: int) -> list[tuple[int, ...]]:
    """Checks that two detectors have the same classes and head shapes, and returns the shapes.

    Raises:
        ValueError: if classes, their order, or head shapes differ.
    """
    if match_classes(teacher.class_names, student.class_names) != list(range(len(student.class_names))):
        raise ValueError(
            f"student and losses: raw heads compare class by class, but the teacher's classes are "
            f"{list(teacher.class_names)} and the student's {list(student.class_names)}; give the student the "
            "teacher's architecture and its classes in the same order, or take Decoded, which matches classes by name"
        )
    of_teacher, of_student = head_shapes(teacher, resolution), head_shapes(student, resolution)
    if of_teacher != of_student:
        raise ValueError(
            f"student and losses: raw heads need the same shapes, but at {resolution} px the teacher's are "
            f"{of_teacher} and the student's {of_student}; {_UNLIKE_HEADS}"
        )
    return of_student


def require_yolo_heads(teacher: Detector, student: Detector, resolution: int) -> None:
    """Checks that both have the same YOLO heads: x, y, w, h, objectness and one logit per class and anchor.

    Raises:
        ValueError: as :func:`require_like_heads`, or if the heads are not YOLO heads.
    """
    shapes, row = require_like_heads(teacher, student, resolution), 5 + len(student.class_names)
    if any(len(shape) != 4 or shape[-1] != row for shape in shapes):
        raise ValueError(
            f"student and losses: expected YOLO heads (anchors, rows, columns, {row}) for {row - 5} classes, but "
            f"at {resolution} px the heads are {shapes}; {_UNLIKE_HEADS}"
        )
