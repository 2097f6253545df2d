"""Base class of the rules by which images and boxes are accepted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from diode_pl.provenance import Provenance


class Verdict(NamedTuple):
    """Why an image, or which of its boxes, are not accepted.

    Args:
        image: None if a rule has nothing against it.
        boxes: of each box, likewise; empty if a rule is not about boxes.
    """

    image: str | None = None
    boxes: Sequence[str | None] = ()


Record = Mapping[str, Any]
"""Record of a batch, see :func:`diode_pl.data.synthetic.records.read_record`."""
Judge = Callable[[Record], list[Verdict]]
"""Takes the records of a set, one by one in their order; returns a verdict on each image of one."""


class Rule(ABC):
    """Says which images and boxes are not accepted. What cannot be measured is accepted.

    Attributes:
        provenance: data that the choice uses beside the teacher.

    Example:
        >>> class OneObject(Rule):
        ...     def start(self):
        ...         def judge(record):
        ...             several = [len(entry["labels"]) > 1 for entry in record["images"]]
        ...             return [Verdict("several objects" if each else None) for each in several]
        ...         return judge
        >>> OneObject().start()({"images": [{"labels": [2]}, {"labels": [2, 5]}]})[1].image
        'several objects'
    """

    provenance = Provenance()

    @abstractmethod
    def start(self) -> Judge:
        """Begins with a set."""
