"""Callbacks of a training of students."""

from diode_pl.distillation.callbacks.validation_log import ValidationLog

__all__ = ["ValidationLog"]
