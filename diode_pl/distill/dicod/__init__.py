"""Image classifiers teach detectors: what DICOD is made of."""

from diode_pl.distill.dicod.crop_teacher import CropTeacher
from diode_pl.distill.dicod.detector_as_classifier import DetectorAsClassifier
from diode_pl.distill.dicod.dicod import Dicod
from diode_pl.distill.dicod.trained_classifier import TrainedClassifier

__all__ = ["CropTeacher", "DetectorAsClassifier", "Dicod", "TrainedClassifier"]
