"""What every detector offers, whether it serves as teacher, verifier or student."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diode_pl.class_names import match_classes
from diode_pl.fingerprint import fingerprint
from diode_pl.targets import Targets


@dataclass(frozen=True)
class Outputs:
    """What one forward pass of a detector yields.

    Args:
        heads: raw output of each head, before any sigmoid or softmax.
        features: the feature map that enters each head, ``(n, c, h, w)``.
        strides: input pixels per cell of each head's grid.
        image_size: height and width of the input in pixels.
    """

    heads: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    strides: tuple[int, ...]
    image_size: tuple[int, int]


@dataclass(frozen=True)
class Dense:
    """Every candidate of a detector in one common form, for distillation between unlike heads.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height; may reach outside [0, 1].
        objectness: probability that a candidate holds an object, in [0, 1].
        classes: probability of each class given an object, in [0, 1].
        priors: reference box of each candidate, such as an anchor in the middle of its cell; units as of ``boxes``.
        cells: the part of the image whose objects each candidate answers for: x1 <= x < x2, y1 <= y < y2.
    """

    boxes: Float[Tensor, "n m 4"]
    objectness: Float[Tensor, "n m"]
    classes: Float[Tensor, "n m c"]
    priors: Float[Tensor, "m 4"]
    cells: Float[Tensor, "m 4"]


@dataclass(frozen=True)
class Positives:
    """The candidates of a detector that training holds to a labelled box; several may belong to one box.

    Args:
        image: position of each one's image in the batch.
        target: position of its labelled box in the targets.
        boxes: what it predicts, with gradient: x1, y1, x2, y2 in units of image width and height; may reach outside
            [0, 1].
        class_logits: with gradient; heads that compare classes with background by a softmax have background last.
            Both in float32 or better.
    """

    image: Int[Tensor, " k"]
    target: Int[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    class_logits: Float[Tensor, "k c"]


@dataclass(frozen=True)
class Detections:
    """What a detector reports for one image, best score first.

    Args:
        boxes: x1, y1, x2, y2 in units of image width and height.
        scores: in [0, 1].
        labels: class indices.
    """

    boxes: Float[Tensor, "m 4"]
    scores: Float[Tensor, " m"]
    labels: Int[Tensor, " m"]

    def renumbered(self, labels: Sequence[int]) -> "Detections":
        """The same in another class numbering.

        Args:
            labels: the new one of each label; detections of a class where it is -1 are left out.
        """
        new = torch.tensor(labels, device=self.labels.device)[self.labels]
        return Detections(self.boxes[new >= 0], self.scores[new >= 0], new[new >= 0])


class Detector(nn.Module, ABC):
    """A detector over images in [0, 1]; any normalisation that it needs happens inside.

    Args:
        class_names: one name a class, in the order of the labels.
        stride: image height and width must be multiples of it, in pixels.

    Attributes:
        data_access: what the weights have seen: a data access level, ``given weights`` where their file does not tell,
            None of random ones.
        class_activation: what its class logits were made for: "sigmoid", each class on its own, or "softmax", the
            classes against one another and against background.

    Raises:
        ValueError: two classes share a name.
    """

    class_activation = "sigmoid"

    def __init__(self, class_names: Sequence[str], stride: int) -> None:
        super().__init__()
        if len(set(class_names)) != len(class_names):
            raise ValueError(f"class names must differ from one another, got {list(class_names)}")
        self.class_names = tuple(class_names)
        self.stride = stride
        self.data_access: str | None = None
        self._frozen = False

    @abstractmethod
    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        """Runs the network, differentiable in ``images``.

        Raises:
            ValueError: height or width is not a multiple of ``stride``.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        """The loss that such a detector is trained with, as named terms; the loss is their sum."""

    @abstractmethod
    def decode(self, outputs: Outputs) -> Dense:
        """Every candidate as box, objectness and class probabilities, differentiable."""

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        """Class logits of every candidate, in the order of :meth:`decode`; without the background.

        Probabilities near 1 are too coarse to be turned back into logits.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say its class logits: class_logits() is missing")

    def positives(self, outputs: Outputs, targets: Targets) -> Positives:
        """The candidates that :meth:`loss` would hold to the valid targets; waits for the device."""
        raise NotImplementedError(f"{type(self).__name__} does not say its positives: positives() is missing")

    def stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """What the first convolution makes of images of any size, differentiable; with the pooling right after it."""
        raise NotImplementedError(f"{type(self).__name__} does not show its first layers: stem() is missing")

    @abstractmethod
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
        return [each.renumbered(labels) for each in found]

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

    def freeze(self) -> "Detector":
        """Stops all learning for good: no gradients to weights, batch norm in eval mode even after ``.train()``."""
        self._frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> "Detector":
        """Training mode, unless frozen."""
        return super().train(mode and not self._frozen)
