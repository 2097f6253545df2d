"""Trainings of a second: narrow networks on a few small images of the embedded world."""

import copy
import functools
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging

from diode_pl.augmentations import Flip
from diode_pl.class_names import match_classes
from diode_pl.data import Batch, DetectionData
from diode_pl.data.cache import InMemory
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.data.readers import ImageSet
from diode_pl.data.tiling import Fixed
from diode_pl.detector import Darknet, yolov3_tiny
from diode_pl.detector.darknet.layers import YoloHead
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.jobs import distill, evaluate
from diode_pl.distillation.losses import DistillLoss, Mimic
from diode_pl.distillation.module import Distillation
from diode_pl.metrics import DetectionScores
from diode_pl.provenance import GIVEN_WEIGHTS
from diode_pl.report import save_weights
from diode_pl.shapes import ShapesWorld
from diode_pl.training.ema import WarmupEMA
from diode_pl.training.optim import Recipe
from diode_pl.training.trainer import build_training_trainer

RESOLUTION, BATCH, VALIDATION = 64, 8, 15
EPOCHS = 3  # of a training that is run to its end
NAMES = ("mug", "key", "star", "crescent", "gear", "house", "fish", "umbrella")
MIMIC = {"mimic": Mimic()}
ANCHORS = (14, 14, 20, 20, 26, 26, 32, 32, 42, 42, 54, 54, 68, 68, 86, 86, 110, 110)


@functools.cache
def shapes(split: str, size: int, **options: Any) -> ImageSet:
    """Images of the embedded world; drawn once, which takes longer than training on them."""
    return InMemory(ShapesWorld(split, size, RESOLUTION, **options), 0, split)


def tiny_detector(seed: int = 0, names: Sequence[str] = NAMES, anchors: Sequence[int] = ANCHORS) -> Darknet:
    """Random weights from a seed, in the shape of the embedded teacher but a fifth as wide."""
    torch.manual_seed(seed)
    return Darknet(yolov3_tiny(len(names), 0.05, anchors), None, names, backbone_sections=13)


def tiny_teacher(names: Sequence[str] = NAMES) -> Darknet:
    """A detector whose answers differ from cell to cell and from image to image; some boxes are right by chance."""
    return copy.deepcopy(_lucky(tuple(names)))


@functools.cache
def _lucky(names: tuple[str, ...]) -> Darknet:
    batch = Batch.from_examples([shapes("val", VALIDATION)[i] for i in range(VALIDATION)]).to_float()
    for seed in range(1, 50):
        detector = tiny_detector(seed, names)
        with torch.no_grad():
            for layer, following in zip(detector.layers, detector.layers[1:], strict=False):
                if isinstance(following, YoloHead):
                    layer.conv.weight.normal_(0, 0.3)
                    layer.conv.bias.normal_(0, 1)
            found = detector.eval().predict(detector(batch.images), 0.001, 0.6)
        scores = DetectionScores(NAMES)
        labels = match_classes(names, NAMES)
        scores.update([each.relabel(labels) for each in found], batch.targets, batch.sizes)
        if scores.compute()["AP50"] > 0.003:
            detector.provenance = GIVEN_WEIGHTS  # stands for one that was trained
            return detector.train()
    raise AssertionError("none of 49 random detectors finds anything")


def blind(detector: Darknet) -> Darknet:
    """The same, but it never sees anything."""
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter.zero_()
        for layer, following in zip(detector.layers, detector.layers[1:], strict=False):
            if isinstance(following, YoloHead):
                layer.conv.bias.fill_(-30)
    return detector


def parts(
    losses: Mapping[str, DistillLoss | None] = MIMIC,
    student: Darknet | None = None,
    teacher: Darknet | None | str = "tiny",
    train: ImageSet | None = None,
    val: ImageSet | None | str = "shapes",
    epochs: int = 2,
    callbacks: Mapping[str, pl.Callback] | None = None,
    optimizer: Any = None,
    data: Mapping[str, Any] | None = None,
    label_source: LabelPolicy | None = None,
    **options: Any,
) -> tuple[Distillation, DetectionData, pl.Trainer]:
    """What :func:`diode_pl.distillation.jobs.distill` takes, new at every call and always the same."""
    detectors = student or tiny_detector(), tiny_teacher() if teacher == "tiny" else teacher
    images = some_data(train, val, data)
    recipe = Recipe(optimizer or partial(torch.optim.SGD, lr=0.05, momentum=0.9), warmup_epochs=1.0, warmup_steps=0)
    distillation = Distillation(*detectors, losses, recipe, images, label_source, log_every=1)
    return distillation, images, some_trainer(epochs, callbacks, **options)


def some_data(
    train: ImageSet | None = None, val: ImageSet | None | str = "shapes", data: Mapping[str, Any] | None = None
) -> DetectionData:
    """A few images to train and measure on."""
    return DetectionData(
        train or shapes("train", 3 * BATCH),
        shapes("val", VALIDATION) if val == "shapes" else val,
        **{"tiling": Fixed(1), "augmentations": {"flip": Flip(0.5, per_image=True)}, "mosaic": 0.5, "batch_size": BATCH}
        | dict(data or {}),
    )


def some_trainer(epochs: int = 2, callbacks: Mapping[str, pl.Callback] | None = None, **options: Any) -> pl.Trainer:
    """One that averages the weights and runs on the CPU."""
    listeners = {"ema": WeightAveraging(multi_avg_fn=WarmupEMA())} | dict(callbacks or {})
    return build_training_trainer(listeners, {}, epochs, accelerator="cpu", **options)


def run(
    folder: Path, ckpt: Path | None = None, settings: Mapping[str, Any] | None = None, **options: Any
) -> tuple[float | None, Distillation]:
    """Trains; returns the score and what was trained."""
    distillation, _, trainer = parts(**options)
    folder.mkdir(parents=True, exist_ok=True)
    return distill(distillation, trainer, folder, settings or {"seed": 0}, ckpt), distillation


def measure(
    folder: Path,
    ckpt: Path | None = None,
    student: Darknet | None = None,
    teacher: Darknet | None | str = "tiny",
    val: ImageSet | None | str = "shapes",
    **options: Any,
) -> tuple[float, Evaluation]:
    """Measures; returns the score and what was measured."""
    detectors = student or tiny_detector(), tiny_teacher() if teacher == "tiny" else teacher
    evaluation = Evaluation(*detectors, some_data(None, val))
    folder.mkdir(parents=True, exist_ok=True)
    return evaluate(evaluation, some_trainer(**options), folder, {}, ckpt), evaluation


def checkpoint(folder: Path, name: str = "student.ckpt") -> dict[str, Any]:
    """What a run left."""
    return torch.load(folder / name, map_location="cpu", weights_only=True)


def without_seconds(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """A history as every run of it writes it."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]


def same(a: Any, b: Any) -> bool:
    """Whether two nests of tensors and numbers are the same bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


class StopsAt(pl.Callback):
    """An accident at the second step of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == (self.epoch, 1):
            raise ConnectionAbortedError("power cut")


class KeepGradients(pl.Callback):
    """Trains in float64 and writes the gradients of the first step.

    In float32, rounding sometimes changes the sign of an activation's input, and gradients by 1 %.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        for detector in (pl_module.student, pl_module.teacher):
            detector.double().register_forward_pre_hook(lambda _, images: tuple(each.double() for each in images))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if trainer.global_step == 0 and trainer.is_global_zero:
            torch.save({name: weight.grad for name, weight in pl_module.named_parameters()}, self.path)


def write_teacher(folder: Path) -> list[str]:
    """Writes the weights of the tiny teacher; returns the overrides of a run that is over in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(tiny_teacher(), folder / "teacher.safetensors")
    anchors = ",".join(map(str, ANCHORS))
    networks = [f"{who}.cfg.{key}" for who in ("teacher", "student") for key in ("width=0.05", f"anchors=[{anchors}]")]
    sizes = [
        "detector@teacher=yolov3_tiny_shapes",
        "detector@student=yolov3_tiny_shapes",
        "data@train=shapes",
        "train.size=24",
        f"val.size={VALIDATION}",
        f"resolution={RESOLUTION}",
        f"batch_size={BATCH}",
    ]
    pace = ["trainer.max_epochs=2", "recipe.warmup_epochs=1.0", "recipe.warmup_steps=0", "optimizer.lr=0.05"]
    quiet = ["trainer.accelerator=cpu", "callbacks.progress=null"]
    return [f"teacher.weights={folder / 'teacher.safetensors'}", *networks, *sizes, *pace, *quiet]
