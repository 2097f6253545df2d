"""Offline runs of W&B, read back from their ``.wandb`` files.

The package's own reader is part of a program in Go since version 0.27, so this one reads the format itself: blocks of
32 KiB, in them pieces of records with a header of checksum, length and kind, as in the logs of LevelDB.
"""

import json
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

_BLOCK, _HEADER, _START = 32768, 7, 7  # bytes; the file begins with a header of its own
_FULL, _FIRST, _LAST = 1, 2, 4
_PATIENCE = 30.0  # seconds


@dataclass
class OfflineRun:
    """What a run has written."""

    folder: Path
    id: str = ""
    name: str = ""
    group: str = ""
    job: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[Any] = field(default_factory=list)
    exit_code: int | None = None

    def values(self, name: str) -> list[tuple[int, Any]]:
        """Steps and values of what was logged under a name."""
        return [(row["trainer/global_step"], row[name]) for row in self.rows if name in row]


def read_runs(folder: Path) -> list[OfflineRun]:
    """All runs below a folder, in the order of their beginning, once they are written: another process does that."""
    paths, end = sorted(folder.rglob("*.wandb"), key=lambda path: path.parent.name), time.monotonic() + _PATIENCE
    while any(_read(path).exit_code is None for path in paths) and time.monotonic() < end:
        time.sleep(0.1)
    return [_read(path) for path in paths]


def _read(path: Path) -> OfflineRun:
    run = OfflineRun(path.parent)
    for content in _records(path.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.id, run.name, run.group = record.run.run_id, record.run.display_name, record.run.run_group
            run.job, run.tags = record.run.job_type, list(record.run.tags)
            run.config |= _items(record.run.config.update)
        elif kind == "config":
            run.config |= _items(record.config.update)
        elif kind == "history":
            run.rows.append(_items(record.history.item))
        elif kind == "summary":
            run.summary |= _items(record.summary.update)
        elif kind == "artifact":
            run.artifacts.append(record.artifact)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(content: bytes) -> list[bytes]:
    found, parts, at = [], b"", _START
    while at + _HEADER <= len(content):
        if _BLOCK - at % _BLOCK < _HEADER:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + _HEADER])
        piece = content[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        parts = piece if kind in (_FULL, _FIRST) else parts + piece
        if kind in (_FULL, _LAST):
            found.append(parts)
    return found
