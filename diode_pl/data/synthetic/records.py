"""Records of finished batches, which are read as if somebody else had written them."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diode_pl.io.json_file import read_json
from diode_pl.io.quoting import quote
from diode_pl.io.text_files import is_word
from diode_pl.provenance import Provenance

_NAME = re.compile(r"\d{6,}\.json")


def record_path(folder: Path, batch: int) -> Path:
    """Where the record of a batch lies."""
    return folder / "batches" / f"{batch:06d}.json"


def record_paths(folder: Path) -> list[Path]:
    """The records of a set, by the number of their batch."""
    found = (path for path in (folder / "batches").glob("*.json") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: int(path.stem))


def read_record(path: Path, classes: int) -> dict[str, Any]:
    """The record of a batch.

    Args:
        path: of the file, named by the number of its batch.
        classes: number of classes of the set.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is cut, or a field is missing or no value of its kind; the message names file and field.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not the record of a batch: {quote(record)}")
    _require(record, _FIELDS | {"batch": lambda value: _is_count(value) and value == int(path.stem)}, str(path))
    require_notes(record, str(path), len(record["images"]), classes)
    first: int | None = None
    for i, entry in enumerate(record["images"]):
        place = f"{path}: images[{i}]"
        if not isinstance(entry, dict):
            raise ValueError(f"{place} is {quote(entry)}, expected an image")
        _require(entry, _ENTRY, place)
        first = entry["id"] - i if first is None else first
        if entry["id"] != first + i or entry["file_name"] != f"{entry['id'] - 1:08d}.png":
            raise ValueError(
                f"{place}: id {entry['id']} and file_name {entry['file_name']!r} are not those of its place"
            )
        if len(entry["labels"]) != len(entry["boxes"]):
            raise ValueError(f"{place} has {len(entry['labels'])} labels for {len(entry['boxes'])} boxes")
        if any(label >= classes for label in entry["labels"]):
            raise ValueError(f"{place}: labels are {quote(entry['labels'])}, of {classes} classes")
    return record


def require_notes(record: dict[str, Any], place: str, images: int, classes: int | None = None) -> None:
    """Raises a ValueError if something that is kept for the report is not a value of its kind.

    Args:
        record: a mapping that may have it.
        place: of the mapping, for the message.
        images: number of images of the batch.
        classes: number of classes of the set; None if labels do not matter.
    """
    _require(record, _NOTES, place, optional=True)
    for name in _PER_IMAGE:
        if name in record and len(record[name]) != images:
            raise ValueError(f"{place}: {name} are those of {len(record[name])} images, of {images}")
    for role, found in record.get("detections", {}).items():
        unlike = any(classes is not None and max(each["labels"], default=0) >= classes for each in found)
        if len(found) != images or unlike:
            raise ValueError(f"{place}: detections of {role!r} are not those of {images} images")


def _require(
    node: dict[str, Any], fields: dict[str, Callable[[Any], bool]], place: str, optional: bool = False
) -> None:
    for name, holds in fields.items():
        if name not in node:
            if optional:
                continue
            raise ValueError(f"{place}: {name} is missing")
        if not holds(node[name]):
            raise ValueError(f"{place}: {name} is {quote(node[name])}, which no batch has")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_mapping(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(of, value.values()))


def _is_list(of: Callable[[Any], bool], least: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(of, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and is_word(value)


def _is_stage(value: Any) -> bool:
    return _is_mapping(_is_count)(value) and {"resolution", "iterations"} <= value.keys()


def _is_level(value: Any) -> bool:
    """A data access level: says whether a teacher had a part, or consists of parts that are known."""
    if not _is_text(value):
        return False
    try:
        return Provenance.parse(value).teacher is not None or bool(Provenance.from_setting(value))
    except ValueError:
        return False


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1 + 1e-9  # a mean is rounded


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_found(value: Any) -> bool:
    """Detections of an image."""
    if not (isinstance(value, dict) and {"boxes", "labels", "scores"} <= value.keys()):
        return False
    lists = [each for each in value.values() if isinstance(each, list)]
    alike = len(lists) == len(value) and len({len(each) for each in lists}) == 1
    kinds = {"boxes": _is_box, "labels": _is_count, "scores": _is_share}
    return alike and all(holds(each) for name, holds in kinds.items() for each in value[name])


def _is_point(value: Any) -> bool:
    """Losses at an iteration."""
    keys = isinstance(value, dict) and {"iteration", "stage", "losses"} <= value.keys()
    return (
        keys
        and all(_is_count(value[key]) for key in ("iteration", "stage"))
        and _is_mapping(_is_number)(value["losses"])
    )


def _is_pair(value: Any) -> bool:
    """Distances of each layer, before and after."""
    return (
        isinstance(value, dict)
        and value.keys() == {"start", "end"}
        and all(map(_is_list(_is_number), value.values()))
        and len(value["start"]) == len(value["end"])
    )


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "seed": _is_count,
    "stages": _is_list(_is_stage),
    "losses": _is_mapping(_is_number),
    "scores": _is_mapping(_is_share),
    "seconds": lambda value: _is_number(value) and value >= 0,
    "data_access": _is_level,
    "versions": _is_mapping(_is_text),
    "images": _is_list(lambda _: True, least=1),
    "configuration": lambda value: isinstance(value, dict),
}
# For the report and for the rules of what is accepted; a batch without them is whole.
_NOTES: dict[str, Callable[[Any], bool]] = {
    "scores": _is_mapping(_is_share),
    "detections": _is_mapping(_is_list(_is_found)),
    "known_classes": _is_mapping(_is_list(_is_count)),
    "trace": _is_list(_is_point),
    "batch_norm": _is_pair,
    "saturation": _is_list(_is_share),
    "hashes": _is_list(lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value) is not None),
    "norm_distances": _is_list(_is_number),
    "origins": _is_list(_is_list(lambda value: value in ("sampled", "grown"))),
    "anchors": _is_list(lambda value: isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))),
}
_PER_IMAGE = ("saturation", "hashes", "norm_distances", "origins")
_ENTRY: dict[str, Callable[[Any], bool]] = {
    "id": lambda value: _is_count(value) and value > 0,
    "file_name": _is_text,
    "width": lambda value: _is_count(value) and value > 0,
    "height": lambda value: _is_count(value) and value > 0,
    "sha256": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
    "labels": _is_list(_is_count),
    "boxes": _is_list(_is_box),
}
