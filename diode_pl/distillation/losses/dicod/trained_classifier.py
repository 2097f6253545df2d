"""A classifier trained on crops as classification teacher."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.classifier import LAYERS, ClassifierCard, CropClassifier, load_classifier
from diode_pl.detector import Detector
from diode_pl.detector.state_files import load_state
from diode_pl.distillation.losses.base import DistillationBatch
from diode_pl.distillation.losses.dicod.classifier_teacher import CropTeacher
from diode_pl.io.text_files import describe_no_file
from diode_pl.numerics.roi_crop import crop_boxes
from diode_pl.provenance import EXTERNAL_CLASSIFIER

log = logging.getLogger(__name__)

_AT_ONCE = 256  # crops: bounds the memory


class TrainedClassifier(CropTeacher):
    """Uses a classifier's logits of the crop of each box.

    Args:
        weights: the ``classifier.safetensors`` of a classifier training; or, with ``network``, weights of torchvision.
        min_accuracy: minimum accuracy on held-out crops, the mean over classes, in [0, 1]; 0 does not check it.
        layers: layers in which crops are compared: 0 is the stem, 1 to 4 are the stages; empty compares pixels only.
        external: allows a classifier that was not made from a teacher's images.
        network: loads ``weights`` with torchvision's names, such as ``conv1.weight``; None for a file of ours.

    Attributes:
        provenance: data access of the classifier; ``EXTERNAL_CLASSIFIER`` if unknown.
        accuracy: the mean over classes, on held-out crops; None if unknown.

    Raises:
        ValueError: if the file cannot be used, or the classifier is not accurate enough or external.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1.

    Example:
        >>> from tempfile import mkdtemp
        >>> from diode_pl.classifier import encode_classifier
        >>> path = Path(mkdtemp(), "classifier.safetensors")
        >>> _ = path.write_bytes(encode_classifier(CropClassifier(("mug", "key"), crop_size=32), ClassifierCard()))
        >>> TrainedClassifier(path, min_accuracy=0.0, external=True).class_names
        ('mug', 'key')
    """

    def __init__(
        self,
        weights: str | Path,
        min_accuracy: float = 0.7,
        layers: Sequence[int] = (0,),
        external: bool = False,
        network: CropClassifier | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= min_accuracy <= 1:
            raise ValueError(f"min_accuracy must be in [0, 1], got {min_accuracy}")
        if unknown := [layer for layer in layers if layer not in LAYERS]:
            raise ValueError(f"layers must be from 0 to {LAYERS[-1]}, got {unknown}")
        if not Path(weights).is_file():
            raise ValueError(f"weights: {describe_no_file(weights)}; a classifier training writes it")
        if network is None:
            self.network, record = load_classifier(weights)
        else:
            load_state(network.network, weights)
            self.network, record = network.eval(), ClassifierCard()
        self.provenance = record.provenance or EXTERNAL_CLASSIFIER
        if (record.outside or not self.provenance.teacher) and not external:
            raise ValueError(
                f"weights: {weights} was not made from a teacher's images (data access level: "
                f"{self.provenance}), so that what it teaches is not free of other data. "
                "external=True uses it, and the data access level of the student says so"
            )
        self.accuracy = record.macro_accuracy
        if min_accuracy and (self.accuracy is None or self.accuracy < min_accuracy):
            known = "is not known" if self.accuracy is None else f"is {self.accuracy:.3f}"
            raise ValueError(
                f"weights: the accuracy of {weights} on held-out crops, the mean over classes, {known}, and "
                f"min_accuracy is {min_accuracy}. Train it longer or on more images, or use it with min_accuracy=0"
            )
        self._record = record
        if record.untrained:
            names = ", ".join(record.untrained)
            log.warning("%s was shown no crop of these classes and does not teach them: %s", weights, names)
        unmeasured = [name for name, rate in record.per_class.items() if rate is None and name not in record.untrained]
        if self.accuracy is not None and unmeasured:
            message = "%s: no crop of these classes was held out, and its accuracy does not include them: %s"
            log.warning(message, weights, ", ".join(unmeasured))
        self.layers, self.class_names, self.crop_size = tuple(layers), self.network.class_names, self.network.crop_size
        self.kind = "softmax" if self.network.kind == "softmax" else "sigmoid"

    def check(self, teacher: Detector | None, student: Detector) -> None:
        if self.accuracy is not None:
            log.info("classifier: accuracy on held-out crops, the mean over classes, %.3f", self.accuracy)

    def learned_classes(self) -> dict[str, int]:
        return {name: at for name, at in super().learned_classes().items() if name not in self._record.untrained}

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "accuracy": self._record.accuracy,
            "macro_accuracy": self._record.macro_accuracy,
            "untrained": list(self._record.untrained),
            "data_access": str(self.provenance),
        }

    @torch.no_grad()
    def object_logits(
        self, batch: DistillationBatch, boxes: Float[Tensor, "k 4"], image_index: Int[Tensor, " k"]
    ) -> Float[Tensor, "k c"]:
        logits = [batch.images.new_zeros(0, len(self.class_names))]
        for some, index in zip(boxes.split(_AT_ONCE), image_index.split(_AT_ONCE), strict=True):
            if len(some):
                logits.append(self.network(crop_boxes(batch.images.float(), some.float(), index, self.crop_size)))
        return torch.cat(logits).float()

    def features(self, crops: Float[Tensor, "k 3 s s"]) -> list[Float[Tensor, "k _ _ _"]]:
        return self.network.features(crops.float(), self.layers) if self.layers else []
