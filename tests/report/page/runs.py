"""Folders of runs as they are left, small."""

import json
from pathlib import Path
from typing import Any

import torch

from diode_pl.data.accept import Gate, Rule, Verdict
from diode_pl.data.accept.base import Judge
from diode_pl.data.synthetic import Plan
from diode_pl.detector import Detections
from diode_pl.io.images import to_pillow
from diode_pl.report.predictions import write_predictions
from diode_pl.targets import Targets
from tests.data.batches import HEIGHT, WIDTH, data_set, finished

NAMES = ("mug", "<b>key</b>", "$star$")
LOSSES = {"detection": 2.0, "total_variation": 0.5, "total": 2.5, "detection_weight": 0.1}


def notes(count: int) -> dict[str, Any]:
    """What callbacks add to a batch of 16 x 12 pixels: both detectors find the box in the corner of every image."""
    found = {"boxes": [[0.0, 0.0, 8.0, 6.0]], "labels": [0], "scores": [0.8]}
    return {
        "detections": {"teacher": [found] * count, "verifier": [found | {"scores": [0.4]}] * count},
        "known_classes": {"verifier": [0, 1]},
        "trace": [{"iteration": i, "stage": 0, "losses": LOSSES} for i in (1, 2, 3)],
        "batch_norm": {"start": [2.0, 1.0], "end": [0.2, 0.1]},
        "anchors": [[0.25, 0.25], [0.5, 0.32]],
    }


def jpeg(value: float) -> bytes:
    """A picture of one color."""
    import io

    file = io.BytesIO()
    to_pillow(torch.full((3, HEIGHT, WIDTH), value)).save(file, format="jpeg")
    return file.getvalue()


def write_set(folder: Path, batches: int = 2, count: int = 3, noted: bool = True, planned: int | None = None) -> Path:
    """A synthetic set; one image of three has no box, one has one, one has two."""
    dataset = data_set(folder)
    for number in range(batches):
        files = {f"snapshots/00000000/{i:06d}.jpg": jpeg(i / 3) for i in (0, 1, 3)} if noted and not number else {}
        added = {"notes": notes(count), "files": files} if noted else {}
        dataset.write(finished(number, count, **added))
    dataset.finish(Plan(planned or batches * count, count))
    return folder


class First(Rule):
    """Refuses the first image of each batch."""

    def start(self) -> Judge:
        return lambda record: [Verdict(None if i else "unseen by the verifier") for i, _ in enumerate(record["images"])]


def accept(folder: Path) -> None:
    """Says of every image whether it is accepted, the first of each batch not."""
    data_set(folder).finish(gate=Gate({"first": First()}))


def metrics(**changes: Any) -> dict[str, Any]:
    """Scores of a training of two epochs."""
    score = {"AP": 0.3, "AP50": 0.5, "AP75": 0.2, "precision": 0.6, "recall": 0.5, "F1": 0.55}
    history = [
        {"epoch": i, "seconds": 30.0, "lr": 0.01, "loss/total": 2.0 - i, "loss/block": 1.0, "val/AP50": 0.25 * (i + 1)}
        for i in range(2)
    ]
    content = {
        "student": score,
        "teacher": score | {"AP50": 0.9},
        "data_access": "teacher +proxy images",
        "exported": {"epoch": 2, "of": 2},
        "epochs": 2,
        "seconds": 60.0,
        "parameters": 350_000,
        "history": history,
        "per_class": {name: score | {"truths": 4.0} for name in NAMES},
        "teacher_per_class": {NAMES[0]: score | {"AP50": 0.9}},
    }
    return content | changes


def write_training(folder: Path, images: int = 3, **changes: Any) -> Path:
    """A training with predictions: the teacher finds the mug of every image, the student takes it for a key."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics(**changes)))
    settings = {"seed": 0, "train": {"root": "runs/set"}, "overrides": ["train.root=runs/set"]}
    (folder / "configuration.json").write_text(json.dumps(settings))
    write_some_predictions(folder / "predictions", images)
    return folder


def write_some_predictions(folder: Path, images: int = 3) -> None:
    """Predictions on images of 16 x 12 pixels."""
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    truths = Targets.from_images([(box, torch.tensor([0]))] * images)
    teacher = Detections(box, torch.tensor([0.9]), torch.tensor([0]))
    student = Detections(box.repeat(2, 1), torch.tensor([0.7, 0.01]), torch.tensor([1, 0]))
    found = {"teacher": [teacher] * images, "student": [student] * images}
    names, known = [f"{i}.png" for i in range(images)], {"teacher": [0, 1], "student": [0, 1, 2]}
    write_predictions(folder, torch.rand(images, 3, HEIGHT, WIDTH), names, truths, found, NAMES, known, of=2 * images)
