"""What a later look at the images of a batch has found, beside its record, which stays as it is."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.data.synthetic.records import read_record, require_notes
from diode_pl.io.atomic import atomic_write
from diode_pl.io.json_file import read_json
from diode_pl.provenance import VERIFIER, Provenance

log = logging.getLogger(__name__)


def rescored_path(record: Path) -> Path:
    """Where it lies, by the path of the record."""
    return record.parent.parent / "scores" / record.name


def write_rescored(record: Path, images: list[Mapping[str, Any]], verifier: str, found: Mapping[str, Any]) -> None:
    """Writes what a verifier has found in the images of a batch.

    Args:
        record: path of the record.
        images: entries of the record, whose hashes say which images it looked at.
        verifier: fingerprint of its weights.
        found: ``scores``, ``detections`` and ``known_classes``, as in a record.
    """
    content = {"verifier_sha256": verifier, "sha256": [entry["sha256"] for entry in images], **found}
    atomic_write(rescored_path(record), json.dumps(content).encode())


def is_rescored(record: Path, images: list[Mapping[str, Any]], verifier: str) -> bool:
    """Whether a verifier has already looked at these images."""
    known = _read(rescored_path(record), images)
    return known is not None and known.get("verifier_sha256") == verifier


def read_measured(path: Path, classes: int) -> dict[str, Any]:
    """The record of a batch, with what the last verifier has found in place of the first one's.

    Args:
        path: of the record.
        classes: number of classes of the set.

    Raises:
        ValueError: see :func:`~diode_pl.data.synthetic.records.read_record`.
    """
    record = read_record(path, classes)
    found = _read(rescored_path(path), record["images"])
    if found is None:
        return record
    for name in ("scores", "detections", "known_classes"):
        # Of a verifier that had no box to be measured on, the score of another one must not stay.
        kept = {key: value for key, value in record.get(name, {}).items() if not key.startswith("verifier")}
        record[name] = kept | found[name]
    record["data_access"] = str(Provenance.parse(record["data_access"]) | VERIFIER)
    return record


def _read(path: Path, images: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """None if there is none, or it is damaged or of other images: then the record alone counts."""
    try:
        found = read_json(path)
        require_notes(found, str(path), len(images))
        if found["sha256"] == [entry["sha256"] for entry in images]:
            found["scores"].items()
            return found
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is damaged and not used: %s", path, error)
    return None
