from .detector import Darknet, Detections, Detector, yolov3_tiny
from .detector.loading import load_detector, predict
from .distillation.student import distill_student
from .provenance import Provenance
from .synthesis.images import synthesize_images
from .targets import Targets

__all__ = [
    "Darknet",
    "Detections",
    "Detector",
    "Provenance",
    "Targets",
    "distill_student",
    "load_detector",
    "predict",
    "synthesize_images",
    "yolov3_tiny",
]
