"""A synthetic data set on disk, written batch by batch, readable by COCO and YOLO tools."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.data.synthetic.description import (
    draw_contact_sheet,
    summarize,
    to_coco_json,
    to_data_yaml,
    to_yolo_lines,
)
from diode_pl.io.atomic import atomic_write, remove_remnants, write_picture
from diode_pl.io.images import to_pillow
from diode_pl.io.run_config import refuse_different_config
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedBatch:
    """A synthesized batch."""

    number: int
    first: int  # index of its first image in the data set
    images: Float[Tensor, "n 3 h w"]  # in [0, 1]
    targets: Targets
    seed: int  # of the run
    stages: Sequence[Mapping[str, int]]  # resolution and iterations of each
    losses: Mapping[str, float]  # last value of each term
    scores: Mapping[str, float]  # mAP@0.5 of teacher and verifier, if measured
    seconds: float  # wall-clock time from drawing the targets to the last score
    provenance: Provenance  # of the images


class SyntheticSet:
    """A folder with ``images/``, ``labels/``, ``batches/`` and, once finished, the files that describe the whole.

    Files are written atomically; the record in ``batches/`` comes last and marks the batch as complete. :meth:`finish`
    derives ``annotations.json``, ``data.yaml``, ``dataset.json`` and ``contact_sheet.png`` from the records.

    Args:
        folder: created if missing.
        class_names: by label.
        configuration: of the run, as plain data; stored in every record.

    Raises:
        ValueError: if the folder holds batches of another configuration.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     missing = SyntheticSet(folder, ["cat", "dog"], {"seed": 0}).find_missing({0: 32, 1: 32})
    """

    def __init__(self, folder: str | Path, class_names: Sequence[str], configuration: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.class_names = tuple(class_names)
        self.configuration = json.loads(json.dumps(configuration))
        for record in islice(self._records(), 1):
            refuse_different_config(self.folder, "images", record["configuration"], self.configuration)
        remove_remnants(self.folder)

    def find_missing(self, counts: Mapping[int, int]) -> list[int]:
        """Numbers of the batches to be made; the record of a damaged one is removed, its image files stay.

        Args:
            counts: planned images of each batch.

        Raises:
            ValueError: if the folder holds more batches than planned, or one with another number of images.
        """
        records = {record["batch"]: record for record in self._records()}
        if surplus := set(records) - set(counts):
            raise ValueError(
                f"num_images: {self.folder} already holds batches up to number {max(surplus)}, more than are planned; "
                "a set can grow, not shrink: choose another folder"
            )
        missing = [batch for batch, count in counts.items() if not self._is_whole(batch, records.get(batch), count)]
        for batch in missing:
            if self._record_path(batch).exists():
                log.warning("%s: batch %d is damaged and is made again", self.folder, batch)
                self._record_path(batch).unlink()
        return missing

    def is_complete(self, batch: int, count: int) -> bool:
        """Whether a batch of ``count`` images is on disk and intact.

        Raises:
            ValueError: if the batch has another number of images.
        """
        return self._is_whole(batch, _read_record(self._record_path(batch)), count)

    def write(self, batch: FinishedBatch) -> None:
        """Writes images, labels and the record of a batch."""
        entries = []
        height, width = batch.images.shape[-2:]
        for i, (image, (boxes, labels)) in enumerate(zip(batch.images, batch.targets.per_image(), strict=True)):
            name = f"{batch.first + i:08d}"
            content = write_picture(self.folder / "images" / f"{name}.png", to_pillow(image))
            # Boxes leave single precision here: both formats derive from the same double-precision numbers.
            corners = boxes.double().cpu()
            boxes = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1)
            entry = {
                "id": batch.first + i + 1,
                "file_name": f"{name}.png",
                "width": width,
                "height": height,
                "sha256": hashlib.sha256(content).hexdigest(),
                "labels": labels.tolist(),
                "boxes": (boxes * torch.tensor([width, height] * 2)).tolist(),
            }
            atomic_write(self.folder / "labels" / f"{name}.txt", to_yolo_lines(entry))
            entries.append(entry)
        record = {
            "batch": batch.number,
            "seed": batch.seed,
            "stages": list(batch.stages),
            "losses": batch.losses,
            "scores": batch.scores,
            "seconds": round(batch.seconds, 3),
            "data_access": str(batch.provenance),
            "versions": {package: version(package) for package in ("torch", "torchvision", "pytorch-lightning")},
            "images": entries,
            "configuration": self.configuration,
        }
        atomic_write(self._record_path(batch.number), json.dumps(record, indent=1).encode())

    def finish(self) -> dict[str, Any] | None:
        """Writes the files on the whole set, and returns the content of ``dataset.json``; None without batches."""
        records = list(self._records())
        if not records:
            return None
        images = [entry for record in records for entry in record["images"]]
        summary = summarize(records, self.class_names)
        atomic_write(self.folder / "annotations.json", to_coco_json(images, self.class_names))
        atomic_write(self.folder / "data.yaml", to_data_yaml(self.class_names))
        atomic_write(self.folder / "dataset.json", json.dumps(summary, indent=1).encode())
        sheet = draw_contact_sheet(self.folder / "images", images, self.class_names)
        write_picture(self.folder / "contact_sheet.png", sheet)
        return summary

    def _record_path(self, batch: int) -> Path:
        return self.folder / "batches" / f"{batch:06d}.json"

    def _records(self) -> Iterator[dict[str, Any]]:
        for path in sorted((self.folder / "batches").glob("*.json")):
            if record := _read_record(path):
                yield record

    def _is_whole(self, batch: int, record: Mapping[str, Any] | None, count: int) -> bool:
        if record is None:
            return False
        entries, path = record["images"], self._record_path(batch)
        if len(entries) != count:
            raise ValueError(
                f"num_images: {path} holds {len(entries)} images where {count} are planned: only a num_images that "
                f"fills the last batch can grow. Choose another folder, or delete {path} to make that batch anew."
            )
        return all(self._is_intact(entry) for entry in entries)

    def _is_intact(self, entry: Mapping[str, Any]) -> bool:
        image = self.folder / "images" / entry["file_name"]
        labels = self.folder / "labels" / f"{image.stem}.txt"
        if not image.exists() or not labels.exists() or labels.read_bytes() != to_yolo_lines(entry):
            return False
        return hashlib.sha256(image.read_bytes()).hexdigest() == entry["sha256"]


def _read_record(path: Path) -> dict[str, Any] | None:
    """None for a record that is absent or unreadable: its batch counts as not there and is made anew."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) and "images" in record else None
