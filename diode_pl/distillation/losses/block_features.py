"""Distillation between the inputs of corresponding norm layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from diode_pl.detector import Detector
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.compatibility import find_unlike_norm_layer
from diode_pl.numerics.dtypes import at_least_float32

_MIN_EPS = 1e-5  # frozen norm layers may have none, and a variance of 0


class BlockFeatures(DistillLoss):
    """Smooth L1 between the inputs of all norm layers, in units of the teacher's standard deviation of each channel.

    Blocks of convolution and norm are compared one by one, so both detectors need the same norm layers. The difference
    is divided by the square root of the teacher's running variance plus epsilon; smooth L1 (beta 1) is averaged over
    batch, channels and positions, then over layers. A layer that is called several times counts once, with the mean
    over its calls. What follows the last norm layer gets no gradient and needs another loss.

    Args:
        weight, scale: both are factors, finite and >= 0; ``scale`` is part of the logged value.

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

    def __init__(self, weight: float = 16.0, scale: float = 10.0) -> None:
        super().__init__(weight)
        self.scale = self._gain("scale", scale)

    @staticmethod
    def corresponds(teacher: Detector, student: Detector, resolution: int) -> bool:
        """Whether both detectors have the norm layers that this loss needs, without changing either.

        Runs each on one black image of ``resolution`` pixels; raises a ValueError if one does not support this size.
        """
        return find_unlike_norm_layer(teacher, student, resolution) is None

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        assert teacher is not None
        if unlike := find_unlike_norm_layer(teacher, student, resolution):
            raise ValueError(
                f"student and losses: BlockFeatures compares the inputs of norm layers one by one, but at {resolution} "
                f"px {unlike}; give the student the teacher's architecture, or take Decoded alone, which compares no "
                "features"
            )

    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        teacher, _ = batch.teacher_or_raise()
        layers = teacher.norm_layers(), batch.student_norm_inputs, batch.teacher_norm_inputs
        if len({len(each) for each in layers}) > 1:
            raise ValueError(
                f"BlockFeatures: expected inputs of {len(layers[0])} norm layers, got those of {len(layers[1])} from "
                f"the student and {len(layers[2])} from the teacher; Objective.recording() records them"
            )
        with torch.autocast(batch.images.device.type, enabled=False):
            return self.scale * torch.stack([_distance(*each) for each in zip(*layers, strict=True)]).mean()


def _distance(layer: nn.Module, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Returns the smooth L1 of one layer, given its inputs in each call."""
    shapes = [[tuple(each.shape) for each in calls] for calls in (student, teacher)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"BlockFeatures: inputs of a norm layer are {shapes[0]} in the student, {shapes[1]} in the teacher"
        )
    assert isinstance(layer.running_var, Tensor)
    variance = at_least_float32(layer.running_var) + max(float(getattr(layer, "eps", 0.0)), _MIN_EPS)
    factor, calls = variance.rsqrt()[:, None, None], zip(student, teacher, strict=True)
    means = [_SmoothL1.apply(at_least_float32(own), at_least_float32(other.detach()), factor) for own, other in calls]
    return torch.stack(means).mean()


class _SmoothL1(torch.autograd.Function):
    """Mean smooth L1 (beta 1) of ``factor * (student - teacher)``, differentiable in ``student``.

    The features are read and written half as often as by torch's own: on a CPU a training step of a tiny YOLOv3 with
    them takes a tenth longer instead of a fifth.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, student: Tensor, teacher: Tensor, factor: Tensor) -> Tensor:
        difference = (student - teacher).mul_(factor)
        slope = difference.clamp(-1, 1)
        ctx.save_for_backward(slope, factor)
        return difference.sub_(slope, alpha=0.5).mul_(slope).mean()  # slope * (difference - slope / 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        slope, factor = ctx.saved_tensors  # type: ignore[attr-defined]
        return slope * (factor * (gradient / slope.numel())), None, None
