"""Synthesis of a data set in one call, with the defaults of ``synthesize.py``; part of the Python API."""

from pathlib import Path

from diode_pl.augmentations import Brightness, Contrast, Flip, Jitter
from diode_pl.data.accept import BatchNormDistance, NearDuplicates, Saturation, SeenBy
from diode_pl.data.readers import ImageSet, Synthetic
from diode_pl.detector import Detector
from diode_pl.synthesis.callbacks import Snapshots, SynthesisProgress, Verifier
from diode_pl.synthesis.growth import TargetGrowth
from diode_pl.synthesis.initializer import Noise
from diode_pl.synthesis.job import synthesize
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import BatchNormStatistics, Detection, TotalVariation
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.sampler import OneBox
from diode_pl.synthesis.schedule import PyramidAdam, Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer

# Factors of the losses' shares while statistics lead, and after.
_STATISTICS = {"detection": 0.0, "batch_norm": 5.0, "first_batch_norm": 30.0}
_OBJECTS = {"batch_norm": 3.33, "first_batch_norm": 10.0}


def synthesize_images(
    teacher: Detector,
    folder: str | Path,
    num_images: int = 32,
    resolution: int = 160,
    iterations: int = 400,
    batch_size: int = 32,
    seed: int = 0,
    accelerator: str = "auto",
) -> ImageSet:
    """Optimizes images until a frozen detector sees objects in them, and writes them as a data set.

    The first half of the iterations matches the statistics of the detector's norm layers; what it then sees in an image
    becomes the targets, or one sampled box where it sees nothing. An interrupted call is resumed by repeating it.

    Args:
        teacher: a trained detector.
        folder: output folder.
        resolution: side of the images in pixels.
        iterations: optimizer steps per batch of images, >= 2.
        batch_size: images optimized together.
        accelerator: ``cpu``, ``gpu`` or ``auto``.

    Returns:
        The data set, ready for training.

    Raises:
        ValueError: if the teacher's weights are random, or ``folder`` holds images made with different settings.
    """
    half = iterations // 2
    growth = TargetGrowth(max(1, half // 20), half * 4 // 5, half, area=(0.001, 0.95), remove=True, class_limit=2.0)
    statistics = Stage(resolution, half, PyramidAdam, loss_factors=_STATISTICS, growth=growth)
    objects = Stage(resolution, iterations - half, PyramidAdam, loss_factors=_OBJECTS)
    settings = {"resolution": resolution, "iterations": iterations, "batch_size": batch_size, "seed": seed}
    inversion = Inversion(
        teacher,
        OneBox(size=(0.2, 0.8)),
        [statistics, objects],
        {
            "detection": Detection(1.0),
            "total_variation": TotalVariation(0.3),
            "batch_norm": BatchNormStatistics(0.3, form="standardized"),
            "first_batch_norm": BatchNormStatistics(0.03, form="standardized", layers=1),
        },
        {
            "jitter": Jitter(fill=None),
            "flip": Flip(per_image=True),
            "brightness": Brightness(),
            "contrast": Contrast(),
        },
        Noise(mean=0.5, std=0.1),
        num_images,
        batch_size,
        seed,
        loss_weighting=GradientShares(steps=30, every=3),
    )
    callbacks = {"verifier": Verifier(), "snapshots": Snapshots(), "progress": SynthesisProgress()}
    trainer = build_synthesis_trainer(callbacks, {}, accelerator)
    rules = {
        "seen_by_teacher": SeenBy("teacher"),
        "near_duplicates": NearDuplicates(),
        "saturation": Saturation(),
        "batch_norm": BatchNormDistance(),
    }
    synthesize(inversion, trainer, folder, settings, accept=rules)
    return Synthetic(folder, resolution)
