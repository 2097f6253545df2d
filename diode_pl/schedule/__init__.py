"""Stages of the synthesis and their optimisers."""

from diode_pl.schedule.plan import Plan
from diode_pl.schedule.pyramid_adam import PyramidAdam
from diode_pl.schedule.sign_descent import SignDescent
from diode_pl.schedule.stage import Stage

__all__ = ["Plan", "PyramidAdam", "SignDescent", "Stage"]
