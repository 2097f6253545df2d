"""How large images may be."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from diode_pl.detector.base import Detector


@dataclass(frozen=True)
class InputSize:
    """The sides of images that one detector takes, or all of several.

    Args:
        step: a side is a multiple of it, in pixels.
        smallest: the least of them, in pixels.
        who: takes them, for the message.
    """

    step: int
    smallest: int
    who: str

    @classmethod
    def from_detectors(cls, detectors: Mapping[str, Detector]) -> "InputSize":
        """Those that every one of the detectors takes, which are given by what they are: ``teacher``, ``student``."""
        step = math.lcm(*(detector.stride for detector in detectors.values()))
        least = max(detector.smallest for detector in detectors.values())
        return cls(step, math.ceil(least / step) * step, " and ".join(detectors))

    def take(self, side: int) -> bool:
        """Whether images may be so large: ``side`` in pixels."""
        return side % self.step == 0 and side >= self.smallest

    def check(self, key: str, side: int) -> None:
        """Refuses other images than those that may be.

        Args:
            key: that says how large, for the message.
            side: in pixels.

        Raises:
            ValueError: they may not.
        """
        if not self.take(side):
            nearest = max(self.smallest, round(side / self.step) * self.step)
            raise ValueError(
                f"{key}: {side} px will not do, {self.who} can take multiples of {self.step} px from {self.smallest} "
                f"px on; the nearest is {nearest}"
            )
