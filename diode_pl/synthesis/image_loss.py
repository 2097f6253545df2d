"""The objective as a function of the images."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations import Augmentation
from diode_pl.detector import BatchNormRecorder, Detector
from diode_pl.synthesis.losses import Objective, SynthesisState
from diode_pl.synthesis.schedule import Stage
from diode_pl.targets import Targets


class ImageLoss:
    """Weighted sum of the losses of images, after augmentations and the teacher's forward pass.

    Args:
        teacher: the detector, frozen.
        augmentations: applied in order, with new draws in each call.
        objective: the losses.
    """

    def __init__(self, teacher: Detector, augmentations: Sequence[Augmentation], objective: Objective) -> None:
        self.teacher, self.augmentations, self.objective = teacher, list(augmentations), objective

    def begin(self, stage: Stage) -> None:
        """Prepares the losses of a stage; comes before the first call."""
        self.objective.begin(stage.loss_factors, self.teacher, stage.resolution)
        self.statistics = BatchNormRecorder(self.teacher.norm_layers()[: self.objective.norm_layers])

    def __call__(
        self, pixels: Float[Tensor, "n 3 r r"], targets: Targets, progress: float, generator: Generator
    ) -> Float[Tensor, ""]:
        """Returns the loss, differentiable in ``pixels``.

        Args:
            pixels: images in [0, 1].
            targets: of these images.
            progress: completed share of the stage, in [0, 1).
            generator: of the augmentations.
        """
        images = pixels
        for augmentation in self.augmentations:
            images, targets = augmentation(images, targets, generator)
        with self.statistics.recording():
            outputs = self.teacher(images)
        return self.objective(SynthesisState(pixels, images, targets, outputs, self.teacher, self.statistics, progress))
