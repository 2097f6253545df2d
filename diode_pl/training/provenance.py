"""What was seen on the way to a data set or a student, in words: the data access level."""

from collections.abc import Collection

# How the level of a data set begins that was made by us: it tells of labels itself, where there are real ones.
_STARTS = {"teacher-only": {"teacher"}, "teacher": {"teacher"}, "no teacher": set[str]()}


def as_level(seen: Collection[str]) -> str:
    """``teacher-only``, ``teacher +proxy images``, ``no teacher +real images +real labels``, ..."""
    others = sorted({*seen} - {"teacher"})
    if "teacher" in seen and not others:
        return "teacher-only"
    return " +".join(["teacher" if "teacher" in seen else "no teacher", *others])


def seen_in(levels: Collection[str], labels: bool) -> set[str]:
    """What comes with training images.

    Args:
        levels: of the training images.
        labels: whether their boxes are looked at.
    """
    told = any(level.split(" +")[0] in _STARTS for level in levels)
    seen = {"real labels"} if labels and not told else set[str]()
    return seen.union(*map(parts, levels))


def parts(level: str) -> set[str]:
    """What a level is made of."""
    first, *others = level.split(" +")
    return {*_STARTS.get(first, {first}), *others}
