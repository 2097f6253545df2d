from .base import GIVEN_WEIGHTS, DensePredictions, Detections, Detector, MatchedPredictions, Outputs
from .bn_statistics import BatchNormRecorder, ChannelStats, channel_stats
from .darknet.cfg import ConfigError, Section
from .darknet.detector import Darknet
from .darknet.yolov3 import yolov3, yolov3_tiny
from .download import DownloadError, download_file
from .huggingface.detector import HuggingFace
from .like_teacher import like_teacher
from .none import no_detector
from .norm_inputs import record_inputs
from .onnx.detector import Onnx
from .sync_batch_norm import convert_sync_batch_norm
from .torchvision.faster_rcnn import FasterRCNN
from .torchvision.fcos import FCOS
from .torchvision.narrow_models import narrow_faster_rcnn, narrow_retinanet
from .torchvision.retinanet import RetinaNet
from .torchvision.ssd import SSD
from .torchvision.ssd_backbone import ssd_vgg16_bn
from .ultralytics.detector import Ultralytics
from .weights_file import load_weights_file

__all__ = [
    "GIVEN_WEIGHTS",
    "ConfigError",
    "Darknet",
    "DensePredictions",
    "Detections",
    "Detector",
    "FCOS",
    "FasterRCNN",
    "DownloadError",
    "HuggingFace",
    "ChannelStats",
    "BatchNormRecorder",
    "Onnx",
    "Outputs",
    "MatchedPredictions",
    "RetinaNet",
    "SSD",
    "Section",
    "Ultralytics",
    "download_file",
    "channel_stats",
    "like_teacher",
    "load_weights_file",
    "narrow_faster_rcnn",
    "narrow_retinanet",
    "no_detector",
    "record_inputs",
    "ssd_vgg16_bn",
    "convert_sync_batch_norm",
    "yolov3",
    "yolov3_tiny",
]
