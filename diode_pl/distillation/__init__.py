"""Distillation of a teacher into a student, the main job of `train.py`."""
