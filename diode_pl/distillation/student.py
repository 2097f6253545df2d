"""Training of a student in one call; part of the Python API."""

from functools import partial
from pathlib import Path

import torch
from pytorch_lightning.callbacks import WeightAveraging

from diode_pl.augmentations import ContrastStretch, Flip, HueSaturationValue, Zoom
from diode_pl.data import DetectionData
from diode_pl.data.readers import ImageSet
from diode_pl.data.tiling import Fixed
from diode_pl.detector import Detector
from diode_pl.distillation.jobs import distill
from diode_pl.distillation.losses import BlockFeatures, Decoded
from diode_pl.distillation.module import Distillation
from diode_pl.training.ema import WarmupEMA
from diode_pl.training.optim import Recipe
from diode_pl.training.progress import TrainingProgress
from diode_pl.training.trainer import build_training_trainer


def distill_student(
    student: Detector,
    teacher: Detector,
    train: ImageSet,
    folder: str | Path,
    val: ImageSet | None = None,
    epochs: int = 20,
    steps_per_epoch: int = 200,
    batch_size: int = 8,
    lr: float = 0.016,
    accelerator: str = "auto",
    ema_decay: float = 0.998,
) -> float | None:
    """Trains a student on a teacher's outputs, as ``train.py +experiment=quick`` does.

    Calling it again resumes an interrupted training.

    Args:
        student: the detector to train, in place.
        teacher: a trained detector; any architecture that shares classes with the student.
        train: images; their labels are not read.
        folder: gets ``student.safetensors``, ``student.onnx``, checkpoints, scores and pictures.
        val: labeled images for validation.
        steps_per_epoch: optimizer steps per epoch, of ``batch_size`` images each.
        accelerator: ``cpu``, ``gpu`` or ``auto``.
        ema_decay: of the moving average of the weights, which is validated and kept; in [0, 1).

    Returns:
        AP at IoU 0.5 of the student on ``val``, or None without ``val``.

    Raises:
        ValueError: if the teacher's weights are random, detectors and images do not fit each other, or the folder
            holds a different training.
    """
    augmentations = {
        "zoom": Zoom(),
        "flip": Flip(per_image=True),
        "hue_saturation_value": HueSaturationValue(hue=0.5, saturation=0.9, value=0.36),
        "contrast_stretch": ContrastStretch((0.8, 2.0)),
    }
    data = DetectionData(
        train, val, Fixed(1), augmentations, mosaic=0.5, batch_size=batch_size, steps_per_epoch=steps_per_epoch
    )
    optimizer = partial(torch.optim.AdamW, lr=lr, weight_decay=0.05, fused=True)
    recipe = Recipe(optimizer, warmup_epochs=0.0, warmup_steps=50, nominal_batch=None)
    module = Distillation(student, teacher, {"decoded": Decoded(), "block": BlockFeatures()}, recipe, data)
    callbacks = {"ema": WeightAveraging(multi_avg_fn=WarmupEMA(ema_decay)), "progress": TrainingProgress()}
    trainer = build_training_trainer(
        callbacks, {}, epochs, accelerator, gradient_clip_val=10.0, check_val_every_n_epoch=5
    )
    settings = {"lr": lr, "steps_per_epoch": steps_per_epoch, "batch_size": batch_size, "ema_decay": ema_decay}
    score = distill(module, trainer, folder, settings)
    student.provenance = module.provenance  # it can teach now
    return score
