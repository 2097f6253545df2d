"""Widths and heights of the objects of a scene."""

from diode_pl.synthesis.sampler.extents.anchors import AnchorExtents
from diode_pl.synthesis.sampler.extents.base import Extents
from diode_pl.synthesis.sampler.extents.log_uniform import LogUniformExtents

__all__ = ["AnchorExtents", "Extents", "LogUniformExtents"]
