"""Provenance of images and weights: their data access level."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

_RENAMED = {"number of real objects an image": "number of real objects per image"}  # in files of earlier versions


@dataclass(frozen=True)
class Provenance:
    """Data that images or weights were made from; ``|`` joins two, ``str()`` is the data access level.

    The level of a result states whether a teacher was used: ``teacher-only``, ``teacher +proxy images``, ``no teacher
    +real images +real labels``. That of a source, such as a folder of photographs, does not: ``real images``.

    Args:
        teacher: whether a teacher was used; None if not stated.
        others: other data.

    Example:
        >>> str(Provenance(teacher=True) | REAL_LABELS | VERIFIER)
        'teacher +real labels +verifier'
        >>> Provenance.parse("teacher-only") == Provenance(teacher=True)
        True
    """

    teacher: bool | None = None
    others: frozenset[str] = frozenset()

    def __or__(self, other: "Provenance") -> "Provenance":
        stated = {self.teacher, other.teacher} - {None}
        return Provenance(any(stated) if stated else None, self.others | other.others)

    def __bool__(self) -> bool:
        return self.teacher is not None or bool(self.others)

    def __str__(self) -> str:
        if self.teacher and not self.others:
            return "teacher-only"
        start = {None: [], True: ["teacher"], False: ["no teacher"]}[self.teacher]
        return " +".join([*start, *sorted(self.others)])

    def _repr_html_(self) -> str:
        return f"data access level: <code>{escape(str(self)) or 'not stated'}</code>"

    @property
    def parts(self) -> list[str]:
        """Its parts as words to search for, as in ``["teacher", "+real labels"]``; ``teacher-only`` is one."""
        first, *others = str(self).split(" +")
        return [first, *(f"+{part}" for part in others)]

    def with_labels(self, read: bool) -> "Provenance":
        """Adds real labels if the labels of the images are ``read``.

        The level of synthesized images states a teacher, and already includes real labels if they were used.
        """
        return self | REAL_LABELS if read and self.teacher is None else self

    @classmethod
    def parse(cls, stored: str | Iterable[str]) -> "Provenance":
        """Parses a data access level, or the list of its parts that older checkpoints hold."""
        given = stored.split(" +") if isinstance(stored, str) else stored
        parts = {_RENAMED.get(part, part) for part in given} - {""}
        # A list without a teacher means that there was none.
        denied = "no teacher" in parts if isinstance(stored, str) else bool(parts)
        teacher = True if parts & {"teacher", "teacher-only"} else False if denied else None
        return cls(teacher, frozenset(parts - {"teacher", "teacher-only", "no teacher"}))

    @classmethod
    def from_setting(cls, given: "Provenance | str") -> "Provenance":
        """Parses a setting, in which only known parts are allowed.

        Raises:
            ValueError: if the text is empty or has an unknown part.
        """
        if isinstance(given, Provenance):
            return given
        provenance = cls.parse(given)
        if not provenance or provenance.others - _KNOWN:
            raise ValueError(
                "provenance: expected teacher-only, or parts joined by ' +' as in 'teacher +proxy images'; known are "
                f"teacher, no teacher, {', '.join(sorted(_KNOWN))}; got {given!r}"
            )
        return provenance


REAL_IMAGES = Provenance.parse("real images")
REAL_LABELS = Provenance.parse("real labels")
PROXY_IMAGES = Provenance.parse("proxy images")
NOISE = Provenance.parse("noise")
OBJECT_COUNTS = Provenance.parse("number of real objects per image")
VERIFIER = Provenance.parse("verifier")
EXTERNAL_CLASSIFIER = Provenance.parse("external classifier")
GIVEN_WEIGHTS = Provenance.parse("given weights")
"""Weights whose file does not state their provenance."""
TEACHER_WEIGHTS = Provenance.parse("teacher +weights of the teacher")

_SOURCES = [REAL_IMAGES, REAL_LABELS, PROXY_IMAGES, NOISE, OBJECT_COUNTS]
_SOURCES += [VERIFIER, EXTERNAL_CLASSIFIER, GIVEN_WEIGHTS, TEACHER_WEIGHTS]
_KNOWN = frozenset[str]().union(*(source.others for source in _SOURCES))
