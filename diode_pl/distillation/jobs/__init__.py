"""The jobs of `train.py`: one function each, selected by `task=`."""

from diode_pl.distillation.jobs.distill import distill
from diode_pl.distillation.jobs.evaluate import evaluate
from diode_pl.distillation.jobs.tile import tile

__all__ = ["distill", "evaluate", "tile"]
