"""Boxes that a detector sees."""

from diode_pl.data.accept.base import Judge, Record, Rule, Verdict
from diode_pl.data.accept.sightings import CONFIDENCE, IOU, best_scores
from diode_pl.provenance import VERIFIER, Provenance


class SeenBy(Rule):
    """Accepts a box if a detector finds an object of its class there.

    Args:
        role: ``teacher`` or ``verifier``, whose detections the records keep, from a score of 0.05 on.
        confidence: score from which an object counts as found, in [0.05, 1].
        iou: overlap of detection and box from which it is that of the box, in (0, 1].

    Raises:
        ValueError: if a value is out of range.

    Example:
        >>> box = {"boxes": [[0, 0, 9, 9]], "labels": [1]}
        >>> record = {"images": [box], "detections": {"teacher": [box | {"scores": [0.2]}]}}
        >>> SeenBy("teacher").start()(record)[0].boxes
        ['not seen by the teacher']
    """

    def __init__(self, role: str, confidence: float | int = CONFIDENCE, iou: float | int = IOU) -> None:
        if role not in ("teacher", "verifier"):
            raise ValueError(f"role must be teacher or verifier, got {role!r}")
        if not 0.05 <= confidence <= 1:
            raise ValueError(f"confidence must be in [0.05, 1], got {confidence}")
        if not 0 < iou <= 1:
            raise ValueError(f"iou must be in (0, 1], got {iou}")
        self.role, self.confidence, self.iou = role, confidence, iou
        self.provenance = VERIFIER if role == "verifier" else Provenance()

    def start(self) -> Judge:
        return self._judge

    def _judge(self, record: Record) -> list[Verdict]:
        found = record.get("detections", {}).get(self.role)
        if found is None:
            return [Verdict()] * len(record["images"])
        known = record.get("known_classes", {}).get(self.role)
        reason, verdicts = f"not seen by the {self.role}", list[Verdict]()
        for entry, detections in zip(record["images"], found, strict=True):
            scores = best_scores(entry, detections, known, self.iou)
            unseen = [score is not None and score < self.confidence for score in scores]
            verdicts.append(Verdict(boxes=[reason if each else None for each in unseen]))
        return verdicts
