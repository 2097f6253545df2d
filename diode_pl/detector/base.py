"""What every detector offers, whether it serves as teacher, verifier or student."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.detector.nms import detections
from diode_pl.detector.outputs import DensePredictions, Detections, MatchedPredictions, Outputs
from diode_pl.io.safetensors import fingerprint
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets

__all__ = ["DensePredictions", "Detections", "Detector", "Outputs", "MatchedPredictions"]


class Detector(nn.Module, ABC):
    """A detector over images in [0, 1]; any normalization that it needs happens inside.

    Args:
        class_names: one name a class, in the order of the labels.
        stride: image height and width must be multiples of it, in pixels.
        smallest: least height and width, in pixels; the stride when not given.

    Attributes:
        provenance: what the weights have seen, ``GIVEN_WEIGHTS`` if their file does not tell; None for random weights.
        class_activation: what its class logits were made for: "sigmoid", each class on its own, or "softmax", the
            classes against one another and against background.

    Raises:
        ValueError: two classes share a name.
    """

    class_activation = "sigmoid"

    def __init__(self, class_names: Sequence[str], stride: int, smallest: int | None = None) -> None:
        super().__init__()
        if len(set(class_names)) != len(class_names):
            raise ValueError(f"class names must differ from one another, got {list(class_names)}")
        self.class_names = tuple(class_names)
        self.stride, self.smallest = stride, stride if smallest is None else smallest
        self.provenance: Provenance | None = None
        self._frozen = False

    @abstractmethod
    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        """Runs the network, differentiable in ``images``.

        Raises:
            ValueError: height or width is not a multiple of ``stride``, or below ``smallest``.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        """The loss that such a detector is trained with, as named terms; the loss is their sum."""

    @abstractmethod
    def decode(self, outputs: Outputs) -> DensePredictions:
        """Every candidate as box, objectness and class probabilities, differentiable."""

    def decode_stages(self, outputs: Outputs, hints: Targets) -> tuple[DensePredictions, ...]:
        """The candidates of each stage, differentiable, for a student whose stages all are to learn.

        Args:
            outputs: of :meth:`forward`.
            hints: where a teacher is sure of an object; a stage that looks into boxes looks there too.
        """
        return (self.decode(outputs),)

    def heads_on_proposals_of(self, outputs: Outputs, other: Outputs) -> tuple[Tensor, ...]:
        """The raw heads, row by row comparable with those that a detector of the same build gave as ``other``.

        Where heads look into proposals, they look into those of ``other``.
        """
        return outputs.heads

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        """Class logits of every candidate, in the order of :meth:`decode`; without the background.

        Probabilities near 1 are too coarse to be turned back into logits.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement class_logits()")

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        """The candidates that :meth:`loss` would hold to the valid targets; waits for the device."""
        raise NotImplementedError(f"{type(self).__name__} does not implement match_predictions()")

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """What the first convolution makes of images of any size, differentiable; with the pooling right after it."""
        raise NotImplementedError(f"{type(self).__name__} does not implement forward_stem()")

    def require(self, *methods: str) -> None:
        """Checks that optional methods are implemented.

        Args:
            methods: names of methods of :class:`Detector` that only raise there.

        Raises:
            ValueError: some are not.
        """
        missing = [f"{name}()" for name in methods if getattr(type(self), name) is getattr(Detector, name)]
        if missing:
            raise ValueError(f"{type(self).__name__} does not implement {' and '.join(missing)} (docs/own_detector.md)")

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        """Detections of each image after non-maximum suppression per class.

        Args:
            outputs: of :meth:`forward`.
            confidence: candidates at or below this score are dropped, in [0, 1].
            iou: of two boxes of one class that overlap by more than this, the better one stays.
            max_detections: at most so many an image.
        """
        return detections(self.decode(outputs), confidence, iou, max_detections)

    def predict_as(self, class_names: Sequence[str], outputs: Outputs, **options: float) -> list[Detections]:
        """As :meth:`predict`, in the numbering of ``class_names``; classes that are not among them are left out.

        Args:
            class_names: of another detector or data set; matched by name.
            outputs: of :meth:`forward`.
            options: of :meth:`predict`.
        """
        found = self.predict(outputs, **options)  # type: ignore[arg-type]
        if self.class_names == tuple(class_names):
            return found
        labels = match_classes(self.class_names, class_names)
        return [each.relabel(labels) for each in found]

    @abstractmethod
    def norm_layers(self) -> list[nn.Module]:
        """Layers with ``running_mean`` and ``running_var``, in forward order."""

    @property
    @abstractmethod
    def backbone_norm_layers(self) -> int:
        """How many of :meth:`norm_layers`, counted from the first, belong to the backbone."""

    def learned_classes(self) -> dict[str, int]:
        """The label of each class that training has shown to the detector, by name.

        A head can have outputs for classes that its training data never held; no image makes it see one of those.
        """
        return {name: label for label, name in enumerate(self.class_names)}

    def fingerprint(self) -> str:
        """SHA-256 over all parameters and buffers: the same for the same weights, wherever they came from."""
        return fingerprint(self)

    def describe_random_weights(self) -> str:
        """What a message says of a detector that has not been trained."""
        return (
            f"({type(self).__name__}) with random weights (a detector of your own that has loaded its weights says so "
            "in provenance)"
        )

    def require_trained(self, role: str) -> None:
        """Refuses a detector that has nothing to teach.

        Args:
            role: what it is to be, such as ``teacher``.

        Raises:
            ValueError: it has random weights.
        """
        if self.provenance is None:
            raise ValueError(
                f"{role}.weights: nothing can be learned from a {role} {self.describe_random_weights()}. Train it "
                "first, as a student that learns from labels alone"
            )

    def weights_metadata(self) -> dict[str, str]:
        """What a file of the weights must say besides the state dict, for the detector to answer as this one does."""
        return {}

    def freeze(self) -> "Detector":
        """Stops all learning for good: no gradients to weights, batch norm in eval mode even after ``.train()``."""
        self._frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> "Detector":
        """Training mode, unless frozen."""
        return super().train(mode and not self._frozen)
