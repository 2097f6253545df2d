"""Base class of the detectors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.detector.finite_weights import require_finite
from diode_pl.detector.nms import non_max_suppression
from diode_pl.detector.notebook import NotebookView
from diode_pl.detector.outputs import DensePredictions, Detections, MatchedPredictions, Outputs
from diode_pl.io.safetensors import fingerprint
from diode_pl.provenance import GIVEN_WEIGHTS
from diode_pl.targets import Targets

__all__ = ["GIVEN_WEIGHTS", "DensePredictions", "Detections", "Detector", "Outputs", "MatchedPredictions"]


class Detector(NotebookView, nn.Module, ABC):
    """An object detector for images in [0, 1]; normalization is part of the network.

    Args:
        class_names: one name per class, in the order of the labels.
        stride: image height and width must be multiples of it, in pixels.
        smallest: minimum height and width in pixels; ``stride`` by default.

    Attributes:
        provenance: data that the weights were trained on, ``GIVEN_WEIGHTS`` if unknown; None for random weights.
        clips_before_nms: whether :meth:`predict` clips boxes to the image before it compares them, not only after.
        trainable: whether it can be a student, which a file of its weights must be able to build again.
        class_activation: "sigmoid" for independent class logits, "softmax" over the classes and background.

    Raises:
        ValueError: if two classes have the same name.

    Example:
        >>> from diode_pl.detector.loading import load_detector
        >>> detector: Detector = load_detector(weights="embedded").freeze()
        >>> outputs = detector(torch.rand(2, 3, 64, 64))
        >>> detector.decode(outputs).boxes.shape, len(detector.predict(outputs))
        (torch.Size([2, 252, 4]), 2)
    """

    trainable, clips_before_nms = True, False
    class_activation = "sigmoid"

    def __init__(self, class_names: Sequence[str], stride: int, smallest: int | None = None) -> None:
        super().__init__()
        if len(set(class_names)) != len(class_names):
            raise ValueError(f"class names must be unique, got {list(class_names)}")
        self.class_names = tuple(class_names)
        self.stride, self.smallest = stride, stride if smallest is None else smallest
        self.provenance, self._frozen = None, False

    @abstractmethod
    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        """Runs the network, differentiable in ``images``.

        Raises:
            ValueError: if height or width is not a multiple of ``stride``, or below ``smallest``.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        """Terms of the detector's training loss by name; the loss is their sum."""

    @abstractmethod
    def decode(self, outputs: Outputs) -> DensePredictions:
        """Decodes every candidate into box, objectness and class probabilities, differentiable."""

    def decode_stages(self, outputs: Outputs, hints: Targets) -> tuple[DensePredictions, ...]:
        """Decodes the candidates of each stage, differentiable, so that each stage of a student can be trained.

        Args:
            outputs: of :meth:`forward`.
            hints: confident objects of a teacher; a second stage evaluates their boxes in addition to its proposals.
        """
        return (self.decode(outputs),)

    def heads_on_proposals_of(self, outputs: Outputs, other: Outputs) -> tuple[Tensor, ...]:
        """Raw head outputs, aligned row by row with those of ``other``, from a detector of the same architecture.

        Two-stage detectors evaluate their second stage on the proposals of ``other``.
        """
        return outputs.heads

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        """Class logits of every candidate without background, in the order of :meth:`decode`.

        Logits cannot be recovered from probabilities near 1, which are too coarse.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement class_logits()")

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        """The candidates that :meth:`loss` assigns to the valid targets; triggers a device sync."""
        raise NotImplementedError(f"{type(self).__name__} does not implement match_predictions()")

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """Output of the first convolution and the pooling after it, for images of any size, differentiable."""
        raise NotImplementedError(f"{type(self).__name__} does not implement forward_stem()")

    def fit_anchors(self, sizes: Float[Tensor, "n 2"]) -> None:
        """Replaces the anchors by k-means clusters of box sizes, widths and heights in pixels of the input.

        Raises:
            ValueError: if there are fewer different sizes than anchors.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement fit_anchors()")

    def inherit(self, other: "Detector") -> None:
        """Replaces the weights by those of a wider detector of the same layers (or ValueError), where there is room."""
        raise NotImplementedError(f"{type(self).__name__} does not implement inherit()")

    def fitted_anchors(self) -> Float[Tensor, "k 2"]:
        """Anchors that were fit to the boxes of the training images, a summary of their sizes.

        Returns:
            Width and height of each, in units of image width and height; may exceed 1. Empty if there are none, or
            anchors that do not depend on the training images.
        """
        return torch.zeros(0, 2)

    def require_size(self, images: Float[Tensor, "n 3 h w"]) -> None:
        """Raises a ValueError if height or width is not a multiple of ``stride``, or below ``smallest``."""
        height, width = images.shape[2:]
        if height % self.stride or width % self.stride or min(height, width) < self.smallest:
            raise ValueError(
                f"height and width must be multiples of {self.stride}, and at least {self.smallest}, got "
                f"{height} x {width}"
            )

    def require(self, *methods: str) -> None:
        """Raises a ValueError if an optional method is not implemented."""
        missing = [f"{name}()" for name in methods if getattr(type(self), name) is getattr(Detector, name)]
        if missing:
            raise ValueError(f"{type(self).__name__} does not implement {' and '.join(missing)} (docs/own_detector.md)")

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        """Detections of each image after non-maximum suppression per class, from outputs of :meth:`forward`.

        Args:
            confidence: candidates at or below this score are dropped, in [0, 1].
            iou: threshold of non-maximum suppression, in [0, 1].
            max_detections: maximum per image.
        """
        return non_max_suppression(self.decode(outputs), confidence, iou, max_detections)

    def predict_as(self, class_names: Sequence[str], outputs: Outputs, **options: float) -> list[Detections]:
        """Like :meth:`predict`, with labels that index ``class_names``, matched by name; other classes are dropped."""
        detections = self.predict(outputs, **options)  # type: ignore[arg-type]
        if self.class_names == tuple(class_names):
            return detections
        labels = match_classes(self.class_names, class_names)
        return [image.relabel(labels) for image in detections]

    @abstractmethod
    def norm_layers(self) -> list[nn.Module]:
        """Layers with ``running_mean`` and ``running_var``, in forward order."""

    def norm_shares(self) -> list[float]:
        """Factor of each layer in a match of statistics, in [0, 1]; below 1 where they are not the detector's own."""
        return [1.0] * len(self.norm_layers())

    @property
    @abstractmethod
    def backbone_norm_layers(self) -> int:
        """Number of leading :meth:`norm_layers` that belong to the backbone."""

    def learned_classes(self) -> dict[str, int]:
        """Label of each class that the detector was trained on, by name.

        A head can have outputs for classes without training examples, which no image can activate.
        """
        return {name: label for label, name in enumerate(self.class_names)}

    def fingerprint(self) -> str:
        """SHA-256 over all parameters and buffers."""
        return fingerprint(self)

    def describe_random_weights(self) -> str:
        """Describes an untrained detector for an error message."""
        kind = type(self).__name__
        return f"({kind}) with random weights (a custom detector that loads its own weights must set provenance)"

    def require_trained(self, role: str) -> None:
        """Raises a ValueError if weights are random or not finite; ``role`` is the detector's, such as ``teacher``."""
        if self.provenance is None:
            raise ValueError(
                f"{role}: nothing can be learned from a {role} {self.describe_random_weights()}. Train it "
                "first, as a student that learns from labels alone"
            )
        require_finite(self.state_dict(), f"{role}: its weights")

    def weights_metadata(self) -> dict[str, str]:
        """Metadata that a weights file needs besides the state dict to reproduce the outputs.

        ``architecture``, a JSON object, lets :func:`~diode_pl.detector.load_weights_file` build the detector; without
        it, as here, the file is loaded by a detector that was built before.
        """
        return {}

    def native_files(self, resolution: int) -> dict[str, bytes]:
        """Files for the package that the network comes from, trained at ``resolution`` pixels: content by suffix."""
        return {}

    def freeze(self) -> "Detector":
        """Freezes the weights permanently; batch norm stays in eval mode even after ``.train()``."""
        self._frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> "Detector":
        """Sets training mode, unless frozen."""
        return super().train(mode and not self._frozen)
