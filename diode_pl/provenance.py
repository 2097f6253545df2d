"""What a result has seen: its data access level."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """What has been seen on the way to images or weights; ``|`` joins two, ``str()`` is the data access level.

    The level of a result says whether there was a teacher: ``teacher-only``, ``teacher +proxy images``, ``no teacher
    +real images +real labels``. A source, such as a folder of photographs, leaves that open: ``real images``.

    Args:
        teacher: whether a teacher has been seen; None leaves it open.
        others: what else has been seen.
    """

    teacher: bool | None = None
    others: frozenset[str] = frozenset()

    def __or__(self, other: "Provenance") -> "Provenance":
        known = {self.teacher, other.teacher} - {None}
        return Provenance(any(known) if known else None, self.others | other.others)

    def __bool__(self) -> bool:
        return self.teacher is not None or bool(self.others)

    def __str__(self) -> str:
        if self.teacher and not self.others:
            return "teacher-only"
        start = {None: [], True: ["teacher"], False: ["no teacher"]}[self.teacher]
        return " +".join([*start, *sorted(self.others)])

    def with_labels(self, read: bool) -> "Provenance":
        """Adds real labels if the labels of the images are ``read``.

        The level of images made by this package mentions a teacher, and real labels too if there are any.
        """
        return self | REAL_LABELS if read and self.teacher is None else self

    @classmethod
    def parse(cls, stored: str | Iterable[str]) -> "Provenance":
        """Reads what a file holds: a data access level, or the list of its parts, as older checkpoints do."""
        parts = set(stored.split(" +") if isinstance(stored, str) else stored) - {""}
        # A list names a teacher if there was one.
        denied = "no teacher" in parts if isinstance(stored, str) else bool(parts)
        teacher = True if parts & {"teacher", "teacher-only"} else False if denied else None
        return cls(teacher, frozenset(parts - {"teacher", "teacher-only", "no teacher"}))

    @classmethod
    def from_setting(cls, given: "Provenance | str") -> "Provenance":
        """Reads a setting, whose text may hold known parts only.

        Raises:
            ValueError: the text is empty or has an unknown part.
        """
        if isinstance(given, Provenance):
            return given
        found = cls.parse(given)
        if not found or found.others - _KNOWN:
            raise ValueError(
                "provenance: expected teacher-only, or parts joined by ' +' as in 'teacher +proxy images'; known are "
                f"teacher, no teacher, {', '.join(sorted(_KNOWN))}; got {given!r}"
            )
        return found


REAL_IMAGES = Provenance.parse("real images")
REAL_LABELS = Provenance.parse("real labels")
PROXY_IMAGES = Provenance.parse("proxy images")
NOISE = Provenance.parse("noise")
OBJECT_COUNTS = Provenance.parse("number of real objects an image")
VERIFIER = Provenance.parse("verifier")
EXTERNAL_CLASSIFIER = Provenance.parse("external classifier")
GIVEN_WEIGHTS = Provenance.parse("given weights")
"""Of weights whose file does not say what they have seen."""

_SOURCES = (REAL_IMAGES, REAL_LABELS, PROXY_IMAGES, NOISE, OBJECT_COUNTS, VERIFIER, EXTERNAL_CLASSIFIER, GIVEN_WEIGHTS)
_KNOWN = frozenset[str]().union(*(source.others for source in _SOURCES))
