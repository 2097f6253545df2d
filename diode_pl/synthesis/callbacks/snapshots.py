"""How the images of a batch came about, for the report."""

from statistics import fmean
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from diode_pl.detector import BatchNormRecorder
from diode_pl.io.images import encode_jpeg, to_pillow
from diode_pl.synthesis.iterations import count_iterations
from diode_pl.synthesis.losses.batch_norm_distance import layer_distances
from diode_pl.synthesis.module import Inversion

_QUALITY = 90  # of the JPEG files


class Snapshots(pl.Callback):
    """Keeps the first images of the set and the losses at even shares of the iterations of a batch.

    The set gets ``snapshots/IMAGE/ITERATION.jpg``; ``notes`` go to the record of the batch: ``trace`` (the raw loss
    terms), ``batch_norm`` (the standardized :func:`batch_norm_distance` of each norm layer of the teacher at the start
    and in the end), ``norm_distances`` (of each finished image by itself, the mean over the layers) and ``anchors``
    (those of the teacher that were fit to its training boxes).

    Args:
        images: how many images of the set are kept, >= 0.
        points: in how many parts the iterations are divided, >= 1; each entry triggers a device sync.

    Attributes:
        notes: plain data, of the present batch.
        files: content by path, of the present batch.

    Raises:
        ValueError: if ``images`` is below 0 or ``points`` below 1.

    Source: Chawla et al., WACV 2021, figure 3, which shows an image over the iterations.

    Example:
        >>> Snapshots(images=2, points=8).points
        8
    """

    def __init__(self, images: int = 4, points: int = 12) -> None:
        if images < 0 or points < 1:
            raise ValueError(f"images and points must be >= 0 and 1, got {images} and {points}")
        self.images, self.points = images, points
        self.notes, self.files = dict[str, Any](), dict[str, bytes]()
        self._due, self._start = set[int](), list[float]()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Begins a batch of images."""
        assert isinstance(pl_module, Inversion)
        if pl_module.iteration or pl_module.stage_index:
            return
        total = count_iterations(pl_module)
        self._due = {round(total * i / self.points) for i in range(1, self.points + 1)}
        self._start = self._distances(pl_module)
        self.notes, self.files = {"trace": [], "anchors": pl_module.label_prior.anchors.tolist()}, {}
        self._keep_images(pl_module, 0)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Inversion)
        iteration = count_iterations(pl_module, pl_module.stage_index) + pl_module.iteration
        if iteration != 1 and iteration not in self._due:
            return
        losses = {name: float(f"{value:.5g}") for name, value in pl_module.term_values().items()}
        self.notes["trace"].append({"iteration": iteration, "stage": pl_module.stage_index, "losses": losses})
        if iteration in self._due:
            self._keep_images(pl_module, iteration)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measures a finished batch."""
        assert isinstance(pl_module, Inversion)
        if pl_module.batch_is_done and self._start:
            self.notes["batch_norm"] = {"start": self._start, "end": self._distances(pl_module)}
            assert pl_module.images is not None
            each = [fmean(self._measure(pl_module, image)) for image in pl_module.images.detach().split(1)]
            self.notes["norm_distances"] = [float(f"{distance:.4g}") for distance in each]

    def state_dict(self) -> dict[str, Any]:
        """What was kept of the present batch."""
        return {"due": sorted(self._due), "start": self._start, "notes": self.notes, "files": self.files}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._due, self._start = set(state_dict["due"]), state_dict["start"]
        self.notes, self.files = state_dict["notes"], state_dict["files"]

    def _keep_images(self, module: Inversion, iteration: int) -> None:
        assert module.images is not None and module.batch is not None
        first = module.plan.first_image(module.batch)
        for i, image in enumerate(module.images[: max(0, self.images - first)]):
            self.files[f"snapshots/{first + i:08d}/{iteration:06d}.jpg"] = encode_jpeg(to_pillow(image), _QUALITY)

    def _distances(self, module: Inversion) -> list[float]:
        assert module.images is not None
        return self._measure(module, module.images)

    @staticmethod
    @torch.no_grad()
    def _measure(module: Inversion, images: Tensor) -> list[float]:
        layers = module.teacher.norm_layers()
        if not layers:
            return []
        recorder = BatchNormRecorder(layers)
        with recorder.recording():
            module.teacher(images)
        distances = layer_distances(recorder.batch, recorder.running, recorder.eps)
        return [float(f"{value:.5g}") for value in distances.tolist()]
