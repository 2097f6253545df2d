"""The Lightning trainers of the two entry points."""

from diode_pl.trainer.distillation import distillation_trainer
from diode_pl.trainer.inversion import inversion_trainer

__all__ = ["distillation_trainer", "inversion_trainer"]
