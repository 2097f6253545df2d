"""Predictions of detectors on validation images, kept in the folder of a run for its page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from diode_pl.data.synthetic.notes import describe_detections, keep_best
from diode_pl.detector import Detections
from diode_pl.io.atomic import atomic_write
from diode_pl.io.images import encode_jpeg, to_pillow
from diode_pl.io.json_file import read_json
from diode_pl.metrics import find_errors, summarize_errors
from diode_pl.targets import Targets

_SIDE, _QUALITY = 256, 85  # of the JPEG files: longest side in pixels


def write_predictions(
    folder: Path,
    images: Float[Tensor, "n 3 h w"],
    names: Sequence[str],
    targets: Targets,
    detections: Mapping[str, Sequence[Detections]],
    class_names: Sequence[str],
    known: Mapping[str, Sequence[int]],
    of: int,
) -> None:
    """Writes images as JPEG files, and their boxes and errors as ``predictions.json``.

    Args:
        folder: created if missing.
        images: RGB in [0, 1].
        names: of the images.
        targets: the truth.
        detections: by detector, one entry per image, best score first.
        class_names: by label.
        known: labels of the classes that each detector is measured on; truths and detections of others are left out of
            its errors.
        of: number of images that these were taken from.
    """
    size, targets = (images.shape[2], images.shape[3]), targets.to("cpu").compact()
    entries = [_write_image(folder, i, image, name) for i, (image, name) in enumerate(zip(images, names, strict=True))]
    # A truth is described as a detection that is sure.
    sure = [Detections(boxes, torch.ones(len(boxes)), labels) for boxes, labels in targets.per_image()]
    for entry, each in zip(entries, describe_detections(sure, size), strict=True):
        entry["truth"] = {"boxes": each["boxes"], "labels": each["labels"]}
    errors = {}
    for role, found in detections.items():
        labels = torch.tensor(known[role])
        own = targets.select(torch.isin(targets.labels, labels))
        kept = [_select(image, torch.isin(image.labels.cpu(), labels)) for image in found]
        errors[role] = asdict(summarize_errors(kept, own))
        best = [keep_best(image) for image in kept]
        kinds = [list(find_errors(image, *truth).kinds) for image, truth in zip(best, own.per_image(), strict=True)]
        for entry, each, wrong in zip(entries, describe_detections(best, size), kinds, strict=True):
            entry["detections"][role] = each | {"errors": wrong}
    whole = {"class_names": list(class_names), "of": of, "errors": errors, "images": entries}
    whole["known_classes"] = {role: list(labels) for role, labels in known.items()}
    atomic_write(folder / "predictions.json", json.dumps(whole).encode())


def read_predictions(folder: Path) -> dict[str, Any] | None:
    """What :func:`write_predictions` wrote; None if there is nothing, or it is damaged."""
    try:
        content = read_json(folder / "predictions.json")
        for entry in content["images"]:
            entry["path"] = folder / Path(entry["file_name"]).name
        return content
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_image(folder: Path, index: int, image: Tensor, name: str) -> dict[str, Any]:
    picture = to_pillow(image)
    entry = {"name": name, "file_name": f"{index:04d}.jpg", "width": picture.width, "height": picture.height}
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    atomic_write(folder / f"{index:04d}.jpg", encode_jpeg(picture, _QUALITY))
    return entry | {"detections": {}}


def _select(image: Detections, kept: Tensor) -> Detections:
    return Detections(image.boxes.cpu()[kept], image.scores.cpu()[kept], image.labels.cpu()[kept])
