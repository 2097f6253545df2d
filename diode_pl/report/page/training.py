"""What the page of a training, or of an evaluation, shows, read from its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diode_pl.io.json_file import read_json
from diode_pl.report.page.gallery import describe_image
from diode_pl.report.page.thumbnails import encode_thumbnail, side_of
from diode_pl.report.predictions import read_predictions

FILES = {"metrics.json": "predictions", "measured.json": "measured"}
"""Scores of a training and of an evaluation, and the folder of its predictions."""


@dataclass
class TrainingContent:
    """A training or an evaluation.

    Args:
        folder: of the run.
        metrics: content of its ``metrics.json`` or ``measured.json``.
        configuration: of the run; empty if it is not known.
        class_names: by label, of ``images``.
        images: validation images, see :func:`describe_image`.
        of: number of validation images that these were taken from.
        errors: of each detector on them, as of :class:`~diode_pl.metrics.ErrorSummary`.
        crops: picture of classified crops (base64 of a JPEG file), of a classifier only.
    """

    folder: Path
    metrics: Mapping[str, Any]
    configuration: Mapping[str, Any] = field(default_factory=dict)
    class_names: Sequence[str] = ()
    images: list[dict[str, Any]] = field(default_factory=list)
    of: int = 0
    errors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    crops: str | None = None


def read_training(folder: Path, name: str = "metrics.json") -> TrainingContent:
    """Reads the results of a training or of an evaluation.

    Args:
        folder: of the run.
        name: of its scores, one of ``FILES``.

    Raises:
        FileNotFoundError: if there are no scores.
        ValueError: if the scores are not of a run, or a picture cannot be read.
    """
    metrics = read_json(folder / name)
    if not isinstance(metrics, dict) or "data_access" not in metrics:
        raise ValueError(f"{folder / name} does not hold the scores of a run")
    content = TrainingContent(folder, metrics)
    if name == "metrics.json" and (folder / "configuration.json").is_file():
        content.configuration = read_json(folder / "configuration.json")
    if (folder / "crops.png").is_file() and "accuracy" in metrics:
        content.crops = encode_thumbnail(folder / "crops.png", 1200)
    if (found := read_predictions(folder / FILES[name])) is not None:
        content.class_names, content.of, content.errors = found["class_names"], found["of"], found["errors"]
        known = found.get("known_classes", {})
        side = side_of(len(found["images"]))
        for entry in found["images"]:
            size = entry["width"], entry["height"]
            image = describe_image(entry["name"], size, entry["truth"], entry["detections"], known, "truth")
            content.images.append(image | {"src": encode_thumbnail(entry["path"], side)})
    return content
