"""Totals over the records of a synthetic set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from diode_pl.data.accept import Gate
from diode_pl.data.accept.gate import Marks
from diode_pl.data.synthetic.plan import Plan
from diode_pl.provenance import Provenance

_BINS = 10  # of the histogram of box sides


class Totals:
    """Sums over the records of a set, one after the other.

    Args:
        class_names: by label.
        gate: by whose rules images are accepted.
    """

    def __init__(self, class_names: Sequence[str], gate: Gate | None = None) -> None:
        self.class_names, self.gate = class_names, gate
        self._accepted: Counter[str] | None = None
        self._refused = dict.fromkeys(gate.rules if gate is not None else (), 0)
        self.counts = list[int]()  # images of each batch
        self._labels, self._sides = Counter[int](), Counter[int]()
        self._seconds, self._resolution, self._scores = list[float](), 0, list[Mapping[str, float | None]]()
        self._versions, self._levels = dict[str, set[str]](), set[str]()
        self._settings: Mapping[str, Any] = {}

    def add(self, record: Mapping[str, Any], marks: Marks | None = None) -> None:
        """Adds the record of a batch, with what is accepted of it."""
        self._settings = self._settings or record["configuration"]
        self.counts.append(len(record["images"]))
        # A detector that had no box to be measured on looked, and has no score.
        looked = dict.fromkeys(f"{role}_map50" for role in record.get("detections", ()))
        self._scores.append({**looked, **record["scores"]})
        self._seconds.append(record["seconds"])
        self._levels.add(record["data_access"])
        for package, number in record["versions"].items():
            self._versions.setdefault(package, set()).add(number)
        for entry in record["images"]:
            self._labels.update(entry["labels"])
            self._resolution = max(self._resolution, entry["width"], entry["height"])
            area = entry["width"] * entry["height"]
            self._sides.update(min(_BINS - 1, int(_BINS * (w * h / area) ** 0.5)) for _, _, w, h in entry["boxes"])

        for image in marks or ():
            self._accepted = self._accepted or Counter()
            self._accepted["images"] += image["accepted"]
            self._accepted["boxes"] += image["accepted"] * sum(box["accepted"] for box in image["boxes"])
            for rule in image["reasons"]:
                self._refused[rule] += 1

    def summarize(self, plan: Plan | None) -> dict[str, Any]:
        """The content of ``dataset.json``, of at least one batch.

        Args:
            plan: of the set; None if it is what is there.

        Returns:
            Plain data: ``teacher`` (``config`` and ``sha256``), ``resolution``, counts, ``classes`` (boxes per class),
            ``box_side`` (boxes by square root of their share of the image, in tenths), mean of each score over images,
            seconds, seconds per image, data access level, and versions, several where batches were made with several.
            With rules, ``accepted``: numbers of ``images`` and ``boxes``, images that each rule ``refused``, and the
            level of those that are accepted.
        """
        images, boxes, seconds = sum(self.counts), self._labels.total(), sum(self._seconds)
        names = [name for name in self._scores[0] if all(name in scores for scores in self._scores)]
        scores = {name: score for name in names if (score := self._mean(name)) is not None}
        present = {"images": images, "batches": len(self.counts)}
        planned = present if plan is None else {"images": plan.num_images, "batches": plan.num_batches}
        level = Provenance()
        for each in self._levels:
            level |= Provenance.parse(each)
        return {
            "complete": present == planned,
            "planned": planned,
            "present": present,
            "teacher": {
                "config": _to_absolute(self._settings.get("teacher")),
                "sha256": self._settings.get("teacher_sha256"),
            },
            "resolution": self._resolution,
            "images": images,
            "boxes": boxes,
            "boxes_per_image": round(boxes / images, 4),
            "batches": len(self.counts),
            "scores": scores,
            "seconds": round(seconds, 1),
            "seconds_per_image": round(seconds / images, 3),
            "data_access": str(level),
            "classes": {name: self._labels[i] for i, name in enumerate(self.class_names)},
            "box_side": {f"{i / _BINS:.1f}-{(i + 1) / _BINS:.1f}": self._sides[i] for i in range(_BINS)},
            "versions": {package: ", ".join(sorted(numbers)) for package, numbers in self._versions.items()},
            **self._describe_accepted(level),
        }

    def _mean(self, name: str) -> float | None:
        """Mean over the images of the batches where a score could be measured."""
        measured = [(each[name], count) for each, count in zip(self._scores, self.counts, strict=True)]
        pairs = [(score, count) for score, count in measured if score is not None]
        return round(fmean([score for score, _ in pairs], [count for _, count in pairs]), 4) if pairs else None

    def _describe_accepted(self, level: Provenance) -> dict[str, Any]:
        if self.gate is None or self._accepted is None:
            return {}
        counts = {name: self._accepted[name] for name in ("images", "boxes")}
        return {"accepted": counts | {"refused": self._refused, "data_access": str(level | self.gate.provenance)}}


def _to_absolute(config: Any) -> Any:
    """Makes the paths of existing files absolute, so that a training in another folder finds them."""
    if isinstance(config, Mapping):
        return {key: _to_absolute(value) for key, value in config.items()}
    return str(Path(config).resolve()) if isinstance(config, str) and Path(config).is_file() else config
