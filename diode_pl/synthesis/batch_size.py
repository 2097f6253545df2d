"""The largest batch of images that fits the memory."""

import logging
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Generator, Tensor
from torch.autograd.graph import saved_tensors_hooks

from diode_pl.io.json_file import read_json
from diode_pl.numerics.memory import free_memory
from diode_pl.synthesis.module import Inversion

log = logging.getLogger(__name__)

_SHARE = 0.8  # of the free memory
_PEAK = 1.7  # largest use in terms of what is kept for the backward pass: 1.4 and 1.6 were measured, with workspaces
_COPIES = 12  # of an image, in float32: itself, its gradient, the state of an optimizer and what a step computes with


def choose_batch_size(inversion: Inversion, trainer: pl.Trainer, folder: Path) -> int:
    """Decides on ``batch_size=auto``: that of the set in ``folder`` if it is begun, else the largest that fits.

    Args:
        inversion: gets the number as its ``batch_size``.
        trainer: says which device and precision.
        folder: of the set.

    Returns:
        The number of images.
    """
    try:
        known = read_json(folder / "plan.json")["batch_size"]
        size = int(known)
    except (OSError, LookupError, TypeError, ValueError):
        size = largest_batch(inversion, trainer)
    inversion.batch_size = size
    inversion.batches = range(inversion.plan.num_batches)
    return size


def largest_batch(inversion: Inversion, trainer: pl.Trainer) -> int:
    """Number of images, at most all of the set, whose iterations fit into 0.8 of the memory that is free.

    What an iteration keeps for its backward pass is counted in two iterations, of one and of three images, at the
    largest resolution. Processes on one CPU share its memory.

    Raises:
        ValueError: if not even one image fits, or the system does not tell how much memory is free.
    """
    device = trainer.strategy.root_device
    inversion.teacher.to(device)
    one, three = (_bytes_kept(inversion, trainer, count) for count in (1, 3))
    side = max(stage.resolution for stage in inversion.stages)
    each = int(_PEAK * (three - one) / 2) + _COPIES * 4 * 3 * side**2
    free = free_memory(device) // (trainer.num_devices if device.type == "cpu" else 1)
    size = min(inversion.num_images, int(_SHARE * free / each))
    if size < 1:
        raise ValueError(
            f"batch_size: an image of {side} px takes about {each / 2**30:.2f} GiB, and {free / 2**30:.2f} GiB are "
            "free; lower schedule.stages.I.resolution, or free some memory"
        )
    log.info("batch_size: %d images, each about %.3f GiB; %.1f GiB are free", size, each / 2**30, free / 2**30)
    return size


def _bytes_kept(inversion: Inversion, trainer: pl.Trainer, count: int) -> int:
    """Bytes that an iteration on some images keeps for its backward pass, weights included."""
    kept = dict[int, int]()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    stage, generator = max(inversion.stages, key=lambda stage: stage.resolution), Generator().manual_seed(0)
    targets = inversion.sampler.sample(0, count, inversion.label_prior, generator)
    device = trainer.strategy.root_device
    pixels = torch.full((count, 3, stage.resolution, stage.resolution), 0.5, device=device)
    pixels = pixels.to(memory_format=torch.channels_last).requires_grad_()
    inversion.image_loss.begin(stage)
    with trainer.precision_plugin.forward_context(), saved_tensors_hooks(pack, lambda tensor: tensor):
        inversion.image_loss(pixels, targets.to(device), 0.0, generator)
    return sum(kept.values())
