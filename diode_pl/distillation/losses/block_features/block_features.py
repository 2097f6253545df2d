"""Distillation between the inputs of norm layers."""

import logging

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.block_features.distance import direct_distance
from diode_pl.distillation.losses.block_features.pairs import (
    find_unlike_norm_layer,
    list_norm_layers,
    pair_norm_layers,
)
from diode_pl.distillation.losses.block_features.regression import regression_distance

log = logging.getLogger(__name__)


class BlockFeatures(DistillLoss):
    """Smooth L1 between inputs of norm layers, in units of the teacher's standard deviation of each channel.

    Detectors with the same norm layers are compared channel by channel. Of others, layers of the same height and width
    are paired, and a ridge regression predicts the teacher's channels from the student's in each step. Smooth L1 (beta
    1) is averaged over batch, channels and positions, then over layers; a layer that is called several times counts
    once, with the mean over its calls. What follows the last norm layer gets no gradient and needs another loss; where
    nothing can be compared the loss is 0, and a warning says so.

    Args:
        weight: factor of the loss in the sum, finite and >= 0.
        like: factor between detectors with the same norm layers, finite and >= 0.
        unlike: factor between others, finite and >= 0.
        ridge: see :func:`regression_distance`, finite and > 0.

    Example:
        >>> from diode_pl import Targets, load_detector
        >>> from diode_pl.detector import record_inputs
        >>> detector, images = load_detector(width=0.1).eval(), torch.rand(1, 3, 64, 64)
        >>> loss = BlockFeatures()
        >>> loss.prepare(detector, detector, resolution=64)
        >>> with record_inputs(detector.norm_layers(), Tensor.detach) as inputs:
        ...     outputs = detector(images)
        >>> targets = Targets.from_images([])
        >>> loss(DistillationBatch(images, detector, detector, outputs, outputs, targets, inputs, inputs)).item()
        0.0
    """

    complete, needs_norm_inputs = False, True

    def __init__(self, weight: float = 1.0, like: float = 160.0, unlike: float = 40.0, ridge: float = 1e-3) -> None:
        super().__init__(weight)
        self.like, self.unlike = self._gain("like", like), self._gain("unlike", unlike)
        if not self._gain("ridge", ridge) > 0:
            raise ValueError(f"BlockFeatures: ridge must be > 0, got {ridge}")
        self.ridge = ridge
        self.pairs: list[tuple[int, int]] | None = None  # of norm layers of teacher and student; set by prepare()
        self.direct = True

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        layers = [list_norm_layers(detector, resolution) for detector in (teacher, student)]
        difference = find_unlike_norm_layer(*layers)
        self.direct = difference is None
        self.pairs = pair_norm_layers(*layers)
        if not self.pairs:
            log.warning(
                "BlockFeatures compares nothing: %s, and no norm layers have inputs of the same size", difference
            )

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        teacher, _ = batch.teacher_or_raise()
        if self.pairs is None:
            raise RuntimeError("BlockFeatures: prepare(teacher, student, resolution) must come before the first step")
        layers, means = teacher.norm_layers(), []
        with torch.autocast(batch.images.device.type, enabled=False):
            for theirs, own in self.pairs:
                calls = zip(batch.student_norm_inputs[own], batch.teacher_norm_inputs[theirs], strict=True)
                means.append(torch.stack([self._distance(layers[theirs], *features) for features in calls]).mean())
            if not means:
                return 0 * torch.stack([head.float().sum() for head in batch.student_outputs.heads]).sum()
            return (self.like if self.direct else self.unlike) * torch.stack(means).mean()

    def _distance(self, layer: torch.nn.Module, student: Tensor, teacher: Tensor) -> Float[Tensor, ""]:
        if self.direct:
            return direct_distance(layer, student, teacher)
        return regression_distance(layer, student, teacher, self.ridge)
