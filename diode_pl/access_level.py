"""What was seen on the way to a data set or a student, in words: the data access level."""

from collections.abc import Collection

from diode_pl.data import CropData, DetectionData
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
    before = distillation.student.data_access
    given = set() if before is None else _parts(before)
    given |= set() if distillation.teacher is None else {"teacher"}
    given = given.union(*(loss.data_access for loss in distillation.objective.terms.values()))
    return given | seen_in(data, distillation.objective.reads_labels)


def seen_in(data: DetectionData | CropData, labels: bool) -> set[str]:
    """What comes with training images.

    Args:
        data: whose training images.
        labels: whether their boxes are looked at.
    """
    told = any(level.split(" +")[0] in _STARTS for level in data.data_access)
    seen = {"real labels"} if labels and not told else set[str]()
    return seen.union(*map(_parts, data.data_access))


def _parts(level: str) -> set[str]:
    first, *others = level.split(" +")
    return {*_STARTS.get(first, {first}), *others}
