"""Synthesis of a data set in one call, with the defaults of ``synthesize.py``; part of the Python API."""

from pathlib import Path

from diode_pl.augmentations import Brightness, Contrast, Cutout, Flip, Jitter
from diode_pl.data.readers import ImageSet, Synthetic
from diode_pl.detector import Detector
from diode_pl.synthesis.callbacks import Snapshots
from diode_pl.synthesis.initializer import Noise
from diode_pl.synthesis.job import synthesize
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import BatchNormStatistics, Detection, TotalVariation
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.sampler import OneBox
from diode_pl.synthesis.schedule import PyramidAdam, Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer


def synthesize_images(
    teacher: Detector,
    folder: str | Path,
    num_images: int = 32,
    resolution: int = 160,
    iterations: int = 500,
    batch_size: int = 32,
    seed: int = 0,
    accelerator: str = "auto",
) -> ImageSet:
    """Optimizes images until a frozen detector sees one object in each, and writes them as a data set.

    An interrupted call is resumed by repeating it.

    Args:
        teacher: a trained detector.
        folder: output folder.
        resolution: side of the images in pixels.
        iterations: optimizer steps per batch of images.
        batch_size: images optimized together.
        accelerator: ``cpu``, ``gpu`` or ``auto``.

    Returns:
        The data set, ready for training.

    Raises:
        ValueError: if the teacher's weights are random, or ``folder`` holds images made with different settings.
    """
    settings = {"resolution": resolution, "iterations": iterations, "batch_size": batch_size, "seed": seed}
    inversion = Inversion(
        teacher,
        OneBox(size=(0.2, 0.8)),
        [Stage(resolution, iterations, PyramidAdam)],
        {
            "detection": Detection(1.0),
            "total_variation": TotalVariation(0.3),
            "batch_norm": BatchNormStatistics(0.3, form="standardized"),
            "first_batch_norm": BatchNormStatistics(0.03, form="standardized", layers=1),
        },
        {
            "jitter": Jitter(),
            "flip": Flip(per_image=False),
            "brightness": Brightness(),
            "contrast": Contrast(),
            "cutout": Cutout(),
        },
        Noise(mean=0.5, std=0.1),
        num_images,
        batch_size,
        seed,
        loss_weighting=GradientShares(steps=30),
    )
    synthesize(inversion, build_synthesis_trainer({"snapshots": Snapshots()}, {}, accelerator), folder, settings)
    return Synthetic(folder, resolution)
