"""Files that a run leaves or starts from: what is passed on from one run to the next."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SET_FILES = ("images", "labels", "annotations.json", "data.yaml", "dataset.json", "contact_sheet.png")
_DIGITS = 12  # of a hash, in a name


@dataclass(frozen=True)
class Artifact:
    """Files under a name that says what is in them: the same files have the same name wherever they lie.

    Args:
        name: such as ``images-0123456789ab``.
        kind: ``dataset`` or ``model``.
        paths: files and folders.
        facts: plain data on it.
        made_from: names of others.
    """

    name: str
    kind: str
    paths: tuple[Path, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    made_from: tuple[str, ...] = ()

    @classmethod
    def from_set(cls, folder: Path, facts: Mapping[str, Any]) -> "Artifact":
        """A synthetic set; its name is a hash of its images and their annotations.

        Args:
            folder: of the set.
            facts: content of its ``dataset.json``.
        """
        told = {key: facts[key] for key in ("images", "boxes", "data_access", "scores") if key in facts}
        paths = tuple(folder / name for name in _SET_FILES if (folder / name).exists())
        name = f"images-{_hash(folder / 'annotations.json', *sorted((folder / 'images').iterdir()))}"
        return cls(name, "dataset", paths, {"folder": str(folder), **told})

    @classmethod
    def from_file(cls, path: Path, facts: Mapping[str, Any], made_from: tuple[str, ...]) -> "Artifact":
        """A model of one file, such as ``student.onnx``: ``student.onnx-0123456789ab``."""
        name = f"{path.name}-{_hash(path)}"
        return cls(name, "model", (path,), {"folder": str(path.parent), **facts}, made_from)


def _hash(*paths: Path) -> str:
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:_DIGITS]
