"""Samplers of the targets."""

from diode_pl.synthesis.sampler.base import Sampler
from diode_pl.synthesis.sampler.labels import Labels
from diode_pl.synthesis.sampler.onebox import OneBox

__all__ = ["Labels", "OneBox", "Sampler"]
