"""Stages of the synthesis and their optimizers."""

from diode_pl.synthesis.schedule.pyramid_adam import PyramidAdam
from diode_pl.synthesis.schedule.stage import Stage

__all__ = ["PyramidAdam", "Stage"]
