"""What the page of a synthetic set shows, read from its folder."""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diode_pl.data.synthetic.contact_sheet import spread_evenly
from diode_pl.data.synthetic.records import record_paths
from diode_pl.data.synthetic.rescored import read_measured
from diode_pl.io.json_file import read_json
from diode_pl.report.page.gallery import describe_image
from diode_pl.report.page.thumbnails import MOST, encode_thumbnail, side_of

log = logging.getLogger(__name__)

BINS = 20  # of the histogram of box sides
_FRAME = 160  # pixels across a picture of a strip


@dataclass
class SetContent:
    """A synthetic set.

    Args:
        folder: of the set.
        summary: content of ``dataset.json``.
        class_names: by label.
        configuration: of the run that made it.
        images: at most 1,000, spread evenly, see :func:`describe_image`; with ``accepted`` and ``reason`` if recorded.
        accepted: number of images that are accepted; None if that is not recorded.
        objects: number of images by number of boxes.
        sides: number of boxes by square root of their share of the image, in twentieths.
        traces, distances: of each batch that has them: losses over the iterations, and the batch norm distance of each
            layer at the ``start`` and in the ``end``.
        anchors: square root of the share of the image of each anchor that was fit to the teacher's training boxes.
        costs: number, images and seconds of each batch.
        stages: resolution and iterations of each.
        strips: of the first images: name, and iteration and picture (base64 of a JPEG file) of each snapshot.
    """

    folder: Path
    summary: Mapping[str, Any]
    class_names: Sequence[str]
    configuration: Mapping[str, Any] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    accepted: int | None = None
    objects: Counter[int] = field(default_factory=Counter)
    sides: list[int] = field(default_factory=lambda: [0] * BINS)
    traces: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)
    distances: list[Mapping[str, Sequence[float]]] = field(default_factory=list)
    anchors: list[float] = field(default_factory=list)
    costs: list[tuple[int, int, float]] = field(default_factory=list)
    stages: Sequence[Mapping[str, int]] = ()
    strips: list[tuple[str, list[tuple[int, str]]]] = field(default_factory=list)


def read_set(folder: Path, most: int = MOST) -> SetContent:
    """Reads a synthetic set; its records one by one, so that only what is shown stays in memory.

    Args:
        folder: of the set.
        most: images that are shown.

    Raises:
        ValueError: if ``dataset.json`` or a record is damaged, or a picture that is shown cannot be read.
        FileNotFoundError: if there is no ``dataset.json``.
    """
    summary = read_json(folder / "dataset.json")
    try:
        names, count = list(summary["classes"]), int(summary["images"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'dataset.json'} does not describe a set: {error!r}") from error
    content, accepted = SetContent(folder, summary, names), _read_accepted(folder, summary)
    if isinstance(known := summary.get("accepted"), dict):
        content.accepted = known.get("images")
    shown, side, index = set(spread_evenly(count, most)), side_of(min(count, most)), 0
    for path in record_paths(folder):
        record = read_measured(path, len(names))
        _add_batch(content, record)
        for i, entry in enumerate(record["images"]):
            _count(content, entry)
            if index in shown:
                image = _show(folder, record, i, side)
                content.images.append(image | accepted.get(entry["file_name"], {}))
            index += 1
    content.strips = list(_read_strips(folder / "snapshots"))
    return content


def _read_accepted(folder: Path, summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By file name, whether an image is accepted, and why not; the annotation file says so."""
    if "accepted" not in summary:
        return {}
    images = read_json(folder / "annotations.json")["images"]
    return {each["file_name"]: {key: each[key] for key in ("accepted", "reason") if key in each} for each in images}


def _add_batch(content: SetContent, record: Mapping[str, Any]) -> None:
    content.configuration = content.configuration or record["configuration"]
    content.stages = content.stages or record["stages"]
    content.costs.append((record["batch"], len(record["images"]), record["seconds"]))
    if record.get("trace"):
        content.traces.append(record["trace"])
    if record.get("batch_norm"):
        content.distances.append(record["batch_norm"])
    content.anchors = content.anchors or [math.sqrt(width * height) for width, height in record.get("anchors", ())]


def _count(content: SetContent, entry: Mapping[str, Any]) -> None:
    content.objects[len(entry["labels"])] += 1
    area = entry["width"] * entry["height"]
    for _, _, width, height in entry["boxes"]:
        content.sides[min(BINS - 1, int(BINS * math.sqrt(max(0.0, width * height / area))))] += 1


def _show(folder: Path, record: Mapping[str, Any], index: int, side: int) -> dict[str, Any]:
    entry = record["images"][index]
    detections = {role: each[index] for role, each in record.get("detections", {}).items()}
    size, known = (entry["width"], entry["height"]), record.get("known_classes", {})
    image = describe_image(entry["file_name"], size, entry, detections, known, "targets")
    path = folder / "images" / entry["file_name"]
    return image | {"href": f"images/{entry['file_name']}", "src": encode_thumbnail(path, side)}


def _read_strips(folder: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    for place in sorted(path for path in folder.glob("*") if path.is_dir()):
        files = sorted(path for path in place.glob("*.jpg") if path.stem.isdecimal())
        try:
            yield place.name, [(int(path.stem), encode_thumbnail(path, _FRAME)) for path in files]
        except ValueError as error:
            log.warning("%s; its strip is left out", error)
