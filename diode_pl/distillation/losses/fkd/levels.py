"""Which feature maps of two detectors belong together."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """Two feature maps of one stride.

    Args:
        name: of the level.
        stride: input pixels per cell.
        student: position among the student's features.
        teacher: position among the teacher's.
    """

    name: str
    stride: int
    student: int
    teacher: int


def pairs(student: Sequence[int], teacher: Sequence[int], strides: Sequence[int] | None = None) -> list[Pair]:
    """Feature maps of the same stride, finest first; several of one stride in their order. Tells which are left over.

    Args:
        student: stride of each of its features, in pixels.
        teacher: likewise.
        strides: only these; None takes all that both have.

    Raises:
        ValueError: they share no stride, or one of ``strides`` is not shared.
    """
    own, other = _by_stride(student), _by_stride(teacher)
    shared = sorted(own.keys() & other.keys())
    if not shared:
        raise ValueError(
            f"FKD compares features of the same stride, but the student's strides are {list(student)} and the "
            f"teacher's {list(teacher)}; take a student with a stride of the teacher's, or distill=decoded, which "
            "needs none"
        )
    found = {stride for stride, _ in shared}
    if strides is not None:
        if not strides or not set(strides) <= found:
            raise ValueError(f"FKD: strides must be some of {sorted(found)}, which both have, got {list(strides)}")
        shared = [key for key in shared if key[0] in strides]
    for who, alone in (("student", own.keys() - other), ("teacher", other.keys() - own)):
        if alone and strides is None:
            left = ", ".join(str(stride) for stride, _ in sorted(alone))
            log.warning("fkd: features of stride %s are left out, only the %s has them", left, who)
    return [Pair(f"stride_{s}" + (f"_{i}" if i else ""), s, own[s, i], other[s, i]) for s, i in shared]


def _by_stride(strides: Sequence[int]) -> dict[tuple[int, int], int]:
    """Position of the i-th feature map of each stride."""
    seen = Counter[int]()
    positions = {}
    for position, stride in enumerate(strides):
        positions[stride, seen[stride]] = position
        seen[stride] += 1
    return positions
