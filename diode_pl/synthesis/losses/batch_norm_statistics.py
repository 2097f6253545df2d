"""Match of feature statistics to those of the teacher's training data."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import BatchNormRecorder, ChannelStats, Detector
from diode_pl.io.images import read_folder
from diode_pl.provenance import REAL_IMAGES, Provenance
from diode_pl.synthesis.losses.base import Loss, SynthesisState
from diode_pl.synthesis.losses.batch_norm_distance import FORMS, Form, batch_norm_distance
from diode_pl.synthesis.losses.running_moments import MomentAverage

log = logging.getLogger(__name__)


class BatchNormStatistics(Loss):
    """:func:`batch_norm_distance` between the inputs of the teacher's norm layers and their running statistics.

    Layers that were frozen while the teacher was trained count by their :meth:`~Detector.norm_shares`; a line says so.

    Args:
        weight: factor of the term; in the paper's code 0.1 with form ``paper`` on Darknet-53.
        form: ``paper``, ``standardized`` or ``kl``.
        norm: p of the p-norms of ``paper``; must be 2 for the other forms.
        layers: ``all``, ``backbone``, or the number of leading layers.
        min_layers: if given, the number of layers decays from ``layers`` to this over a stage (cosine).
        momentum: of an exponential average of the statistics over the steps of a stage, in [0, 1): small batches act
            like one of about ``batch_size / (1 - momentum)`` images.
        reference: folder of real images (one batch) whose statistics replace the running ones; an ablation that is no
            longer data-free.

    Raises:
        ValueError: if ``form`` or ``layers`` is unknown, or ``norm``, ``min_layers`` or ``momentum`` is out of range.

    Source: Chawla et al., WACV 2021, eq. 5; layer subset and reference images from the authors' implementation.

    Example:
        >>> from diode_pl import load_detector
        >>> loss = BatchNormStatistics(weight=0.3, form="standardized", layers=2)
        >>> loss.prepare(load_detector(width=0.1), resolution=64), loss.norm_layers
        (True, 2)
    """

    def __init__(
        self,
        weight: float = 0.1,
        form: Form = "paper",
        norm: float = 2.0,
        layers: Literal["all", "backbone"] | int = "backbone",
        min_layers: int | None = None,
        momentum: float = 0.0,
        reference: str | Path | None = None,
    ) -> None:
        super().__init__(weight)
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        if not 1 <= norm < math.inf:
            raise ValueError(f"norm must be a number >= 1, got {norm}")
        if form != "paper" and norm != 2:
            raise ValueError(f"norm must be 2 with form={form}, which has no p-norms, got {norm}; form=paper has them")
        if layers not in ("all", "backbone") and not (isinstance(layers, int) and layers >= 1):
            raise ValueError(f"layers must be all, backbone or an integer >= 1, got {layers!r}")
        if min_layers is not None and min_layers < 1:
            raise ValueError(f"min_layers must be >= 1, got {min_layers}")
        self.form, self.norm, self.layers, self.min_layers, self.reference = form, norm, layers, min_layers, reference
        self.provenance = Provenance() if reference is None else REAL_IMAGES
        self._average = MomentAverage(momentum)
        self._moments: list[ChannelStats] | None = None
        self._references: dict[int, list[ChannelStats]] = {}
        self._shares: list[float] | None = None

    def prepare(self, detector: Detector, resolution: int) -> bool:
        """Resets the average; returns whether the teacher has any of the norm layers that ``layers`` selects."""
        self._average.forget()
        self._device = next(detector.parameters()).device
        layers = detector.norm_layers()
        if self.layers == "all":
            self.norm_layers = len(layers)
        else:
            count = detector.backbone_norm_layers if self.layers == "backbone" else self.layers
            self.norm_layers = min(len(layers), count)
        if self.reference is None:
            self._weigh(detector)
        elif self.norm_layers:
            if resolution not in self._references:
                recorder = BatchNormRecorder(layers[: self.norm_layers])
                with torch.no_grad(), recorder.recording():
                    detector(read_folder(self.reference, resolution).to(self._device))
                self._references[resolution] = recorder.batch
            self._moments = self._references[resolution]
        return self.norm_layers > 0

    def state_dict(self) -> dict[str, Any]:
        """The average of the statistics."""
        return self._average.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._average.load_state_dict(state, self._device)

    def _weigh(self, detector: Detector) -> None:
        shares = detector.norm_shares()[: self.norm_layers]
        if (frozen := sum(share < 1 for share in shares)) and self._shares is None:  # said once, not in every stage
            log.info(
                "teacher: norm layers were frozen while it was trained, so that their statistics are those of its "
                "backbone's pretraining; %d of %d count less, the deeper the less, the last %.2f as much as the first",
                *(frozen, len(shares), min(shares)),
            )
        self._shares = shares if frozen else None

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        count = self.norm_layers
        batch = self._average(step.statistics.batch[:count])
        if self.min_layers is not None:
            low = min(self.min_layers, count)
            count = low + round((count - low) * 0.5 * (1 + math.cos(math.pi * step.progress)))
        reference = self._moments or step.statistics.running
        eps = step.statistics.eps[:count]
        shares = None if self._shares is None else self._shares[:count]
        return batch_norm_distance(batch[:count], reference[:count], self.form, self.norm, eps, shares)
