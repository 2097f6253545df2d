"""Shared by all trainings: module, optimizer, EMA, resume, run folder, trainer."""
