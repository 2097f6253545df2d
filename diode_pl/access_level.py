"""What was seen on the way to a data set or a student, in words: the data access level."""

from collections.abc import Collection

from diode_pl.data import DetectionData
from diode_pl.distillation import Distillation

# How the level of a data set begins that was made by us: it tells of labels itself, where there are real ones.
_STARTS = {"teacher-only": {"teacher"}, "teacher": {"teacher"}, "no teacher": set[str]()}


def as_level(seen: Collection[str]) -> str:
    """``teacher-only``, ``teacher +proxy images``, ``no teacher +real images +real labels``, ..."""
    others = sorted({*seen} - {"teacher"})
    if "teacher" in seen and not others:
        return "teacher-only"
    return " +".join(["teacher" if "teacher" in seen else "no teacher", *others])


def seen_by(distillation: Distillation, data: DetectionData) -> set[str]:
    """What a student sees in this training: ``teacher``, ``real images``, ``real labels``, ..."""
    labels = any(loss.needs_labels for loss in distillation.terms.values())
    return seen_in(data, labels) | ({"teacher"} if distillation.teacher is not None else set())


def seen_in(data: DetectionData, labels: bool) -> set[str]:
    """What comes with training images.

    Args:
        data: whose training images.
        labels: whether their boxes are looked at.
    """
    levels = [level.split(" +") for level in data.data_access]
    told = any(first in _STARTS for first, *_ in levels)
    seen = {"real labels"} if labels and not told else set[str]()
    for first, *others in levels:
        seen |= {*_STARTS.get(first, {first}), *others}
    return seen
