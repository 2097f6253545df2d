"""The rules of a set together: a verdict on every image and every box."""

from collections.abc import Callable, Mapping
from typing import Any

from diode_pl.data.accept.base import Record, Rule
from diode_pl.provenance import Provenance

Marks = list[dict[str, Any]]
"""Of each image: ``accepted``, ``reasons`` by rule, and ``boxes``, of each of which the same."""


class Gate:
    """Marks images and boxes as accepted or not, with the reasons; nothing is deleted.

    An image is accepted if no rule objects to it, and to at least one of its boxes if it has any.

    Args:
        rules: by name; None removes one.

    Example:
        >>> from diode_pl.data.accept import Saturation
        >>> mark = Gate({"saturation": Saturation(0.5)}).start()
        >>> mark({"images": [{"labels": [3]}], "saturation": [0.9]})[0]["reasons"]
        {'saturation': '90% of the color values are 0 or 255'}
    """

    def __init__(self, rules: Mapping[str, Rule | None]) -> None:
        self.rules = {name: rule for name, rule in rules.items() if rule is not None}

    @property
    def provenance(self) -> Provenance:
        """Data that the choice uses beside the teacher."""
        provenance = Provenance()
        for rule in self.rules.values():
            provenance |= rule.provenance
        return provenance

    def start(self) -> Callable[[Record], Marks]:
        """Begins with a set.

        Returns:
            A function that takes its records, one by one in their order.
        """
        judges = {name: rule.start() for name, rule in self.rules.items()}

        def mark(record: Record) -> Marks:
            marks: Marks = [
                {"reasons": {}, "boxes": [{"reasons": {}} for _ in entry["labels"]]} for entry in record["images"]
            ]
            for name, judge in judges.items():
                for image, verdict in zip(marks, judge(record), strict=True):
                    if verdict.image is not None:
                        image["reasons"][name] = verdict.image
                    for box, reason in zip(image["boxes"], verdict.boxes, strict=False):
                        if reason is not None:
                            box["reasons"][name] = reason
            for image in marks:
                _conclude(image)
            return marks

        return mark


def _conclude(image: dict[str, Any]) -> None:
    boxes = image["boxes"]
    for box in boxes:
        box["accepted"] = not box["reasons"]
    if boxes and not any(box["accepted"] for box in boxes):
        image["reasons"] |= boxes[0]["reasons"]
    image["accepted"] = not image["reasons"]
