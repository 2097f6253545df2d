"""Networks that name the object on a crop, what trains them, and their files."""

from diode_pl.classifier.losses import BinaryCrossEntropy, ClassificationLoss, CrossEntropy, Focal, trained_form
from diode_pl.classifier.network import LAYERS, CropClassifier, Kind
from diode_pl.classifier.storage import Record, encoded, load_classifier

__all__ = ["BinaryCrossEntropy", "ClassificationLoss", "CropClassifier", "CrossEntropy", "Focal"]
__all__ += ["LAYERS", "Kind", "Record", "encoded", "load_classifier", "trained_form"]
