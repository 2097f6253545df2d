"""Image sizes that detectors support."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from diode_pl.detector.base import Detector


@dataclass(frozen=True)
class InputSize:
    """Sides of square images that one or several detectors support.

    Args:
        step: sides must be multiples of it, in pixels.
        smallest: minimum side in pixels.
        who: the detectors, for the error message.
    """

    step: int
    smallest: int
    who: str

    @classmethod
    def from_detectors(cls, detectors: Mapping[str, Detector]) -> "InputSize":
        """Sides that all detectors support; the keys are their roles, such as ``teacher``."""
        step = math.lcm(*(detector.stride for detector in detectors.values()))
        least = max(detector.smallest for detector in detectors.values())
        return cls(step, math.ceil(least / step) * step, " and ".join(detectors))

    def supports(self, side: int) -> bool:
        """Whether ``side``, in pixels, is supported."""
        return side % self.step == 0 and side >= self.smallest

    def check(self, key: str, side: int) -> None:
        """Raises a ValueError if ``side``, in pixels, is not supported; ``key`` is the argument that sets it."""
        if not self.supports(side):
            nearest = max(self.smallest, round(side / self.step) * self.step)
            raise ValueError(
                f"{key} must be a multiple of {self.step} px, at least {self.smallest} px, for {self.who}, "
                f"got {side} px; the nearest is {nearest}"
            )
