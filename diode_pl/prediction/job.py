"""The job that looks for objects in pictures."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from diode_pl.data.synthetic.coco_writer import to_coco_json
from diode_pl.data.synthetic.description import to_yolo_lines
from diode_pl.detector import Detections, Detector
from diode_pl.io.atomic import atomic_write
from diode_pl.io.drawing import draw_boxes
from diode_pl.io.folder_lock import FolderLock
from diode_pl.io.images import read_with_pixels
from diode_pl.io.run_config import refuse_different_config
from diode_pl.prediction.findings import count_by_class, draw_table, picture_entry, to_coco_results
from diode_pl.prediction.pictures import label_names, list_pictures, write_as_named
from diode_pl.prediction.resolution import choose_resolution

log = logging.getLogger(__name__)

# Name, picture, and its pixels as the detector takes them.
Picture: TypeAlias = tuple[str, Image.Image, UInt8[Tensor, "3 r r"]]

_FINE = 640  # pixels: up to this shorter side, captions are as small as they can be read
_HELD = 2**26  # pixels of pictures at a time, whatever batch_size says: 256 MiB


def predict_pictures(
    detector: Detector,
    weights: str | Path,
    source: str | Path,
    folder: str | Path,
    settings: Mapping[str, Any],
    resolution: int | None = None,
    confidence: float = 0.25,
    iou: float = 0.45,
    max_detections: int = 100,
    batch_size: int = 8,
    accelerator: str = "auto",
) -> None:
    """Finds objects in pictures, and writes boxes in pixels of the original pictures, turned upright (EXIF).

    Unreadable pictures are skipped, named and counted. The others are stretched to squares as in training.

    Args:
        detector: with trained weights.
        weights: where they came from: the file may state a resolution.
        source: a picture or a folder.
        folder: gets ``pictures/``, ``labels/``, ``annotations.json``, ``results.json`` and ``summary.json``; those of
            an earlier run on the same source with the same weights are overwritten.
        settings: configuration of the run as plain data; stored in ``summary.json``.
        resolution: in pixels; None takes that of the weights file, or one near 416.
        confidence: detections at or below this score are dropped, in [0, 1].
        iou: threshold of non-maximum suppression, in [0, 1].
        max_detections: maximum number per picture, >= 1.
        batch_size: pictures at a time, >= 1; large ones are fewer.
        accelerator: ``cpu``, ``gpu`` or ``auto``.

    Raises:
        ValueError: if an argument is out of range, the weights are random, outputs are not finite, no picture can be
            read, the folder holds results of another source or other weights, or another command works in it.
    """
    if not (0 <= confidence <= 1 and 0 <= iou <= 1):
        raise ValueError(f"confidence and iou must be in [0, 1], got {confidence} and {iou}")
    if max_detections < 1 or batch_size < 1:
        raise ValueError(f"max_detections and batch_size must be >= 1, got {max_detections} and {batch_size}")
    detector.require_trained("detector")
    folder, device = Path(folder), _device(accelerator)
    side = choose_resolution(detector, weights, resolution)
    names = list_pictures(source, folder)
    run = {"source": str(Path(source).expanduser().resolve()), "fingerprint": detector.fingerprint()}
    with FolderLock(folder):
        summary = folder / "summary.json"
        if summary.is_file():
            old = json.loads(summary.read_text(encoding="utf-8"))
            refuse_different_config(folder, "predictions", {key: old.get(key, run[key]) for key in run}, run)
        labels, skipped, entries = label_names(names), dict[str, str](), list[dict[str, Any]]()
        detector.eval().to(device)
        for batch in _read(names, side, batch_size, skipped):
            images = torch.stack([pixels for _, _, pixels in batch]).to(device).float() / 255
            found = _detect(detector, images, confidence, iou, max_detections)
            if not entries:  # before the first picture: what an interrupted run leaves behind is known, too
                atomic_write(summary, json.dumps(run).encode())
            _write_pictures(folder, batch, found, labels, detector.class_names, entries)
        if not entries:
            reason = next(iter(skipped.values()))
            raise ValueError(f"source: none of the {len(names)} pictures of {source} can be read; the first: {reason}")
        counts = count_by_class(entries, detector.class_names)
        atomic_write(folder / "annotations.json", to_coco_json(entries, detector.class_names))
        atomic_write(folder / "results.json", to_coco_results(entries))
        facts = {"pictures": len(entries), "skipped": skipped, "per_class": counts, "resolution": side}
        facts |= run | {"data_access": str(detector.provenance)}
        atomic_write(summary, json.dumps(facts | {"configuration": settings}, indent=1).encode())
    log.info("%s", draw_table(counts))
    log.info(
        "Look at %s: %d boxes in %d of %d pictures at %d px, %d skipped. The boxes are in %s",
        folder / "pictures",
        *(counts["all"]["boxes"], counts["all"]["pictures"], len(entries), side, len(skipped)),
        folder / "results.json",
    )


def _device(accelerator: str) -> torch.device:
    if accelerator not in ("cpu", "gpu", "auto"):
        raise ValueError(f"accelerator must be one of cpu, gpu, auto, got {accelerator!r}")
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("accelerator: gpu was asked for, and PyTorch finds none; auto takes what there is")
    return torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def _read(names: Mapping[str, Path], side: int, batch_size: int, skipped: dict[str, str]) -> Iterator[list[Picture]]:
    """Batches of readable pictures."""
    batch, held = list[Picture](), 0
    for name, path in tqdm(names.items(), desc="looking", unit="pictures", disable=None, leave=False):
        try:
            batch.append((name, *read_with_pixels(path, side)))
        except ValueError as error:
            skipped[name] = str(error)
            log.warning("skipped %s (%d so far)", error, len(skipped))
            continue
        held += batch[-1][1].width * batch[-1][1].height
        if len(batch) == batch_size or held >= _HELD:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


@torch.inference_mode()
def _detect(
    detector: Detector, images: Float[Tensor, "n 3 r r"], confidence: float, iou: float, max_detections: int
) -> list[Detections]:
    outputs = detector(images)
    outputs.require_finite("detector")
    return detector.predict(outputs, confidence, iou, max_detections)


def _write_pictures(
    folder: Path,
    batch: Sequence[Picture],
    found: Sequence[Detections],
    labels: Mapping[str, str],
    class_names: Sequence[str],
    entries: list[dict[str, Any]],
) -> None:
    """Writes each picture with its boxes and its label file, and appends its entry."""
    for (name, picture, _), each in zip(batch, found, strict=True):
        entries.append(picture_entry(len(entries) + 1, name, (picture.height, picture.width), each))
        _draw(picture, entries[-1], class_names)
        write_as_named(folder / "pictures" / name, picture)
        atomic_write(folder / "labels" / labels[name], to_yolo_lines(entries[-1]))


def _draw(picture: Image.Image, entry: Mapping[str, Any], class_names: Sequence[str]) -> None:
    corners = [(x, y, x + w, y + h) for x, y, w, h in entry["boxes"]]
    captions = [f"{class_names[i]} {s:.2f}" for i, s in zip(entry["labels"], entry["scores"], strict=True)]
    draw_boxes(picture, corners, entry["labels"], captions, max(1.0, min(picture.size) / _FINE))
