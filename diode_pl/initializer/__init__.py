"""What pixels start from."""

from diode_pl.initializer.base import Initializer
from diode_pl.initializer.images import Images
from diode_pl.initializer.noise import Noise

__all__ = ["Images", "Initializer", "Noise"]
