"""Initial images of the synthesis."""

from diode_pl.synthesis.initializer.base import Initializer
from diode_pl.synthesis.initializer.images import Images
from diode_pl.synthesis.initializer.noise import Noise

__all__ = ["Images", "Initializer", "Noise"]
