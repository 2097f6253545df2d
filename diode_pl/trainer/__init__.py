"""The Lightning trainers of the two entry points."""

from diode_pl.trainer.distillation import distillation_trainer
from diode_pl.trainer.inversion import inversion_trainer
from diode_pl.trainer.process import errors_of_processes

__all__ = ["distillation_trainer", "errors_of_processes", "inversion_trainer"]
