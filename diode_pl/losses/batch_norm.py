"""Feature statistics that look like those of the teacher's training data."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import Detector, Moments, NormStatistics
from diode_pl.images import read_folder
from diode_pl.losses.base import Loss, Step

Form = Literal["published", "standardised"]


def batch_norm_distance(
    batch: Sequence[Moments], reference: Sequence[Moments], form: Form = "published", norm: float = 2.0
) -> Float[Tensor, ""]:
    """Distance between batch statistics and reference statistics, added over layers.

    ``published``: norm of the difference of the means plus norm of the difference of the variances. It grows with
    the number and scale of the channels, so its weight must be found anew for each network.
    ``standardised``: mean over channels of ``|mean - mean_ref| / std_ref`` plus that of ``|log(var / var_ref)|``:
    without units, so one weight serves unlike networks.

    Args:
        batch: one entry a layer.
        reference: one entry a layer, same channel counts.
        form: see above.
        norm: the p of the ``published`` p-norms.

    Raises:
        ValueError: the two differ in their number of layers, or there is none.

    Source: Chawla et al., WACV 2021, eq. 5 (``published``).
    """
    if len(batch) != len(reference) or not batch:
        raise ValueError(f"got statistics of {len(batch)} layers and references of {len(reference)}; need as many, > 0")
    # One long vector over all layers: a handful of kernels instead of a handful a layer.
    sizes = [len(m.mean) for m in batch]
    mean, var = (torch.cat([m[i] for m in batch]) for i in (0, 1))
    mean_ref, var_ref = (torch.cat([m[i] for m in reference]) for i in (0, 1))
    layer = torch.repeat_interleave(
        torch.arange(len(sizes), device=mean.device),
        torch.tensor(sizes).to(mean.device, non_blocking=True),
        output_size=sum(sizes),
    )

    def per_layer(values: Tensor) -> Tensor:
        return values.new_zeros(len(sizes)).index_add(0, layer, values)

    if form == "published":
        pairs = ((mean, mean_ref), (var, var_ref))
        return torch.stack([_root(per_layer((a - b).abs().pow(norm)), norm).sum() for a, b in pairs]).sum()
    # The norm layer itself adds an epsilon before it divides: below that, differences do not reach the network.
    epsilon = 1e-5
    difference = (mean - mean_ref).abs() / (var_ref + epsilon).sqrt()
    difference = difference + ((var + epsilon) / (var_ref + epsilon)).log().abs()
    return (per_layer(difference) / per_layer(torch.ones_like(mean))).sum()


def _root(values: Tensor, degree: float) -> Tensor:
    """``values ** (1 / degree)`` with gradient 0 instead of infinity at 0."""
    zero = values == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, values).pow(1 / degree))


class BatchNorm(Loss):
    """:func:`batch_norm_distance` between what the teacher's norm layers see and what they saw in training.

    Args:
        weight: factor of the term; published: 0.1 with form ``published`` on Darknet-53.
        form: ``published`` or ``standardised``.
        norm: the p of the ``published`` p-norms.
        layers: ``all``, ``backbone``, or so many from the first on.
        min_layers: if given, the number of layers falls by a cosine from ``layers`` to this over a stage.
        reference: folder of real images (one batch) whose statistics replace the running ones: an ablation, the
            result is then no longer made from the teacher alone.

    Raises:
        ValueError: an unknown ``form`` or ``layers``, ``norm`` below 1, or ``min_layers`` out of range.

    Source: Chawla et al., WACV 2021, eq. 5; layer subset and reference images from the authors' implementation.
    """

    def __init__(
        self,
        weight: float = 0.1,
        form: Form = "published",
        norm: float = 2.0,
        layers: Literal["all", "backbone"] | int = "backbone",
        min_layers: int | None = None,
        reference: str | Path | None = None,
    ) -> None:
        super().__init__(weight)
        if form not in ("published", "standardised"):
            raise ValueError(f"batch norm: form is published or standardised, got {form!r}")
        if not 1 <= norm < math.inf:
            raise ValueError(f"batch norm: norm must be a number from 1 on, got {norm}")
        if layers not in ("all", "backbone") and not (isinstance(layers, int) and layers >= 1):
            raise ValueError(f"batch norm: layers is all, backbone or a number from 1 on, got {layers!r}")
        if min_layers is not None and min_layers < 1:
            raise ValueError(f"batch norm: min_layers must be 1 or more, got {min_layers}")
        self.form, self.norm, self.layers, self.min_layers, self.reference = form, norm, layers, min_layers, reference
        self.data_access = None if reference is None else "real images"
        self._moments: list[Moments] | None = None
        self._references: dict[int, list[Moments]] = {}

    def prepare(self, detector: Detector, resolution: int) -> None:
        """Takes the statistics of the reference images, where there are any."""
        if self.reference is None:
            return
        if resolution in self._references:
            self._moments = self._references[resolution]
            return
        device = next(detector.parameters()).device
        recorder = NormStatistics(detector.norm_layers()[: self.norm_layers_needed(detector)])
        with torch.no_grad(), recorder.recording():
            detector(read_folder(self.reference, resolution).to(device))
        self._moments = self._references[resolution] = recorder.batch

    def norm_layers_needed(self, detector: Detector) -> int:
        """The number of layers that ``layers`` stands for on this detector; 0 for one without norm layers."""
        total = len(detector.norm_layers())
        if self.layers == "all":
            return total
        return min(total, detector.backbone_norm_layers if self.layers == "backbone" else int(self.layers))

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        """Distance over the layers in use at this step; 0 for a detector without norm layers."""
        count = self.norm_layers_needed(step.detector)
        if count == 0:
            return step.images.new_zeros(())
        if self.min_layers is not None:
            low = min(self.min_layers, count)
            count = low + round((count - low) * 0.5 * (1 + math.cos(math.pi * step.progress)))
        reference = self._moments or step.statistics.running
        return batch_norm_distance(step.statistics.batch[:count], reference[:count], self.form, self.norm)
