"""What the images are to show."""

from diode_pl.sampler.base import Sampler
from diode_pl.sampler.false_positive import FalsePositives
from diode_pl.sampler.labels import Labels
from diode_pl.sampler.onebox import OneBox

__all__ = ["FalsePositives", "Labels", "OneBox", "Sampler"]
