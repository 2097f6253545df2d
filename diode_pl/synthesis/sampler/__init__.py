"""Samplers of the targets."""

from diode_pl.synthesis.sampler.base import ClassSampler, Sampler
from diode_pl.synthesis.sampler.extents import AnchorExtents, Extents, LogUniformExtents
from diode_pl.synthesis.sampler.label_prior import LabelPrior
from diode_pl.synthesis.sampler.labels import Labels
from diode_pl.synthesis.sampler.onebox import OneBox
from diode_pl.synthesis.sampler.scene import Scene

__all__ = [
    "AnchorExtents",
    "ClassSampler",
    "Extents",
    "LabelPrior",
    "Labels",
    "LogUniformExtents",
    "OneBox",
    "Sampler",
    "Scene",
]
