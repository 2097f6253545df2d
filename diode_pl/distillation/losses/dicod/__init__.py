"""DICOD: distillation of image classifiers into detectors."""

from diode_pl.distillation.losses.dicod.classifier_teacher import CropTeacher
from diode_pl.distillation.losses.dicod.detector_as_classifier import DetectorAsClassifier
from diode_pl.distillation.losses.dicod.dicod import Dicod
from diode_pl.distillation.losses.dicod.trained_classifier import TrainedClassifier

__all__ = ["CropTeacher", "DetectorAsClassifier", "Dicod", "TrainedClassifier"]
