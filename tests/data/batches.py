"""Batches as the synthesis leaves them, small."""

from pathlib import Path
from typing import Any

import torch

from diode_pl.data.synthetic import FinishedBatch, SyntheticSet
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets

NAMES = ("cat", 'a "big": dog', "café")
HEIGHT, WIDTH = 12, 16
CONFIGURATION: dict[str, Any] = {
    "seed": 0,
    "losses": {"detection": {"weight": 1.0}},
    "num_images": 4,
    "output_dir": "a",
}


def finished(number: int = 0, count: int = 2, first: int | None = None, **changes: Any) -> FinishedBatch:
    """A batch whose image ``i`` shows ``i % 3`` boxes, one more of which is switched off."""
    draw = torch.Generator().manual_seed(number)
    boxes = sum(i % 3 for i in range(count)) + 1
    corner = torch.rand(boxes, 2, generator=draw) * 0.5
    targets = Targets(
        torch.cat([corner, corner + 0.1 + torch.rand(boxes, 2, generator=draw) * 0.4], dim=1),
        torch.arange(boxes) % len(NAMES),
        torch.tensor([i for i in range(count) for _ in range(i % 3)] + [0]),
        count,
        torch.arange(boxes) < boxes - 1,
    )
    parts = {
        "number": number,
        "first": number * count if first is None else first,
        "images": torch.rand(count, 3, HEIGHT, WIDTH, generator=draw),
        "targets": targets,
        "seed": 0,
        "stages": [{"resolution": 16, "iterations": 3}],
        "losses": {"detection": 0.25},
        "scores": {"teacher_map50": 0.5},
        "seconds": 2.0,
        "provenance": Provenance(teacher=True),
    }
    return FinishedBatch(**parts | changes)


def data_set(folder: Path, **changes: Any) -> SyntheticSet:
    return SyntheticSet(folder, NAMES, CONFIGURATION | changes)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
