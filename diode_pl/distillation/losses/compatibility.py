"""Whether the raw heads of two detectors can be compared number by number."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from diode_pl.class_names import match_classes
from diode_pl.detector import Detector, Outputs

_UNLIKE_HEADS = "Decoded matches decoded boxes of unlike heads"


@torch.no_grad()
def probe(detector: Detector, resolution: int) -> Outputs:
    """What a detector answers to one black image; leaves the detector as it was.

    Args:
        resolution: side of the image in pixels.

    Raises:
        ValueError: the detector takes no images of this size.
    """
    parameter = next(detector.parameters())
    with _at_rest(detector):
        return detector(torch.zeros(1, 3, resolution, resolution, dtype=parameter.dtype, device=parameter.device))


@contextmanager
def _at_rest(detector: Detector) -> Iterator[None]:
    """In eval mode, and afterwards every layer in its own again."""
    modes = {module: module.training for module in detector.modules()}
    detector.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def head_shapes(detector: Detector, resolution: int) -> list[tuple[int, ...]]:
    """Shape of each raw head for one image, without its first dimension; leaves the detector as it was.

    A head that looks into proposals counts too.

    Args:
        resolution: side of the image in pixels.

    Raises:
        ValueError: the detector takes no images of this size.
    """
    with _at_rest(detector):
        outputs = probe(detector, resolution)
        return [tuple(head.shape[1:]) for head in detector.heads_on_proposals_of(outputs, outputs)]


def require_like_heads(teacher: Detector, student: Detector, resolution: int) -> list[tuple[int, ...]]:
    """The shapes of the heads that both have, when classes and shapes are the same.

    Args:
        resolution: side of the images in pixels.

    Raises:
        ValueError: other classes, another order of them, or other heads; says what each has, and the way out.
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
    """Checks for like heads whose rows are x, y, w, h, objectness and one number a class.

    Args:
        resolution: side of the images in pixels.

    Raises:
        ValueError: as :func:`require_like_heads`, or the heads are of another kind.
    """
    shapes, row = require_like_heads(teacher, student, resolution), 5 + len(student.class_names)
    if any(len(shape) != 4 or shape[-1] != row for shape in shapes):
        raise ValueError(
            f"student and losses: expected YOLO heads (anchors, rows, columns, {row}) for {row - 5} classes, but "
            f"at {resolution} px the heads are {shapes}; {_UNLIKE_HEADS}"
        )
