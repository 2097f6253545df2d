"""Scenes of each world, drawn once."""

import functools

from diode_pl.shapes import ShapesWorld
from diode_pl.shapes.scene import Scene

WORLDS = ("shapes", "near", "far")
RESOLUTION = 96
MANY = 10**6
_COUNTS = {"shapes": 140, "near": 25, "far": 25}  # most of the one that is trained on


@functools.cache
def scenes(world: str) -> list[Scene]:
    """Scenes of a world, the same at every call."""
    drawn = ShapesWorld("train", MANY, RESOLUTION, world)  # type: ignore[arg-type]
    return [drawn.scene(i) for i in range(_COUNTS[world])]
