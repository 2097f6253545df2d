"""Classifiers of object crops, their losses and files."""

from diode_pl.classifier.checkpoint import ClassifierCard, encode_classifier, load_classifier
from diode_pl.classifier.losses import BinaryCrossEntropy, ClassificationLoss, CrossEntropy, Focal, output_form
from diode_pl.classifier.network import LAYERS, CropClassifier, Kind

__all__ = ["BinaryCrossEntropy", "ClassificationLoss", "CropClassifier", "CrossEntropy", "Focal"]
__all__ += ["LAYERS", "Kind", "ClassifierCard", "encode_classifier", "load_classifier", "output_form"]
