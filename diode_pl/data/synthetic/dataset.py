"""A synthetic data set on disk, written batch by batch, readable by COCO and YOLO tools."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.data.accept import Gate
from diode_pl.data.synthetic.description import describe_set, to_yolo_lines
from diode_pl.data.synthetic.pixels import describe_pixels
from diode_pl.data.synthetic.plan import Plan
from diode_pl.data.synthetic.records import read_record, record_path, record_paths
from diode_pl.io.atomic import atomic_write, remove_remnants, write_picture
from diode_pl.io.images import to_pillow, to_uint8
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
    notes: Mapping[str, Any] = field(default_factory=dict)  # further entries of the record, plain data
    files: Mapping[str, bytes] = field(default_factory=dict)  # further files by their path in the folder


class SyntheticSet:
    """A folder with ``images/``, ``labels/``, ``batches/`` and, once finished, the files that describe the whole.

    Files are written atomically; the record in ``batches/`` comes last and marks the batch as complete. :meth:`finish`
    derives ``annotations.json``, ``data.yaml``, ``contact_sheet.png`` and, last, ``dataset.json`` from the records.
    Processes that make one set together take part by :class:`Team`.

    Args:
        folder: created if missing.
        class_names: by label.
        configuration: of the run, as plain data; stored in every record.

    Raises:
        ValueError: if the folder holds batches of another configuration.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     missing = SyntheticSet(folder, ["cat", "dog"], {"seed": 0}).find_missing(Plan(64, batch_size=32))
    """

    def __init__(self, folder: str | Path, class_names: Sequence[str], configuration: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.class_names = tuple(class_names)
        self.configuration = json.loads(json.dumps(configuration))
        self.refuse_other_records()
        remove_remnants(self.folder)

    def refuse_other_records(self) -> None:
        """Raises a ValueError if a record on disk has another configuration; damaged ones are left to others."""
        same = None
        for path in record_paths(self.folder):
            record = self._read(path)
            # One comparison for all that are equal to the last one.
            if record is not None and record["configuration"] != same:
                same = record["configuration"]
                refuse_different_config(self.folder, "images", same, self.configuration)

    def find_missing(self, plan: Plan) -> list[int]:
        """Numbers of the batches to be made; the record of a damaged one is removed, its image files stay.

        Raises:
            ValueError: if the folder holds more batches than planned, or one with another number of images.
        """
        whole, paths = set[int](), record_paths(self.folder)
        if paths and int(paths[-1].stem) >= plan.num_batches:
            raise ValueError(
                f"num_images: {self.folder} already holds batches up to number {int(paths[-1].stem)}, more than are "
                "planned; a set can grow, not shrink: choose another folder"
            )
        for path in paths:
            batch = int(path.stem)
            if self.is_complete(batch, plan, say=True):
                whole.add(batch)
            else:
                path.unlink(missing_ok=True)
        return [batch for batch in range(plan.num_batches) if batch not in whole]

    def holds(self, batch: int) -> bool:
        """Whether a batch has been written; its files are not looked at."""
        return record_path(self.folder, batch).exists()

    def is_complete(self, batch: int, plan: Plan, say: bool = False) -> bool:
        """Whether a batch is on disk and intact.

        Args:
            plan: of the set.
            say: log what is wrong with one that is damaged.

        Raises:
            ValueError: if the batch has another number of images.
        """
        path = record_path(self.folder, batch)
        record = self._read(path, say)
        if record is None:
            return False
        entries, count = record["images"], plan.images_in(batch)
        if len(entries) != count:
            raise ValueError(
                f"num_images: {path} holds {len(entries)} images where {count} are planned: only a num_images that "
                f"fills the last batch can grow. Choose another folder, or delete {path} to make that batch anew."
            )
        first = plan.first_image(batch) + 1
        fault = f"id of the first image is {entries[0]['id']}" if entries[0]["id"] != first else None
        fault = fault or next(filter(None, map(self._find_fault, entries)), None)
        if fault and say:
            log.warning("%s: batch %d is damaged and is made again: %s", self.folder, batch, fault)
        return fault is None

    def write(self, batch: FinishedBatch) -> None:
        """Writes images, labels and the record of a batch.

        Raises:
            FloatingPointError: if a pixel, a loss or a score is not a finite number; nothing is written then.
        """
        numbers = {"images": float(batch.images.sum()), **batch.losses, **batch.scores}
        if broken := [name for name, value in numbers.items() if not math.isfinite(value)]:
            raise FloatingPointError(
                f"{', '.join(broken)} not finite at the end of batch {batch.number}; try the precision 32-true, a "
                "lower learning rate or lower weights"
            )
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
        for name, content in batch.files.items():
            atomic_write(self.folder / name, content)
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
            **describe_pixels(to_uint8(batch.images)),
            **batch.notes,
        }
        atomic_write(record_path(self.folder, batch.number), json.dumps(record, indent=1).encode())

    def finish(self, plan: Plan | None = None, gate: Gate | None = None) -> dict[str, Any] | None:
        """Writes the files on the whole set, and returns the content of ``dataset.json``; None without batches.

        Args:
            plan: of the set; None if it is what is there.
            gate: says what is accepted; None says nothing.

        Raises:
            ValueError: if a record is damaged.
        """
        return describe_set(self.folder, self.class_names, plan, gate)

    def _read(self, path: Path, say: bool = False) -> dict[str, Any] | None:
        """None for a record that is absent or damaged: its batch counts as not there and is made anew."""
        try:
            return read_record(path, len(self.class_names))
        except FileNotFoundError:
            return None
        except ValueError as error:
            if say:
                log.warning("%s: batch %d is damaged and is made again: %s", self.folder, int(path.stem), error)
            return None

    def _find_fault(self, entry: Mapping[str, Any]) -> str | None:
        image = self.folder / "images" / entry["file_name"]
        labels = self.folder / "labels" / f"{image.stem}.txt"
        try:
            if labels.read_bytes() != to_yolo_lines(entry):
                return f"{labels} is not what was written"
            if hashlib.sha256(image.read_bytes()).hexdigest() != entry["sha256"]:
                return f"{image} is not what was written"
        except FileNotFoundError as error:
            return f"{error.filename} is not there"
        return None
