"""Files that describe a synthetic set: annotations for COCO and YOLO tools, statistics, and a contact sheet."""

import json
import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from diode_pl.data.accept import Gate
from diode_pl.data.synthetic.box_facts import describe_boxes
from diode_pl.data.synthetic.coco_writer import CocoWriter
from diode_pl.data.synthetic.contact_sheet import draw_contact_sheet, spread_evenly
from diode_pl.data.synthetic.plan import Plan
from diode_pl.data.synthetic.records import read_record, record_paths
from diode_pl.data.synthetic.rescored import read_measured
from diode_pl.data.synthetic.totals import Totals
from diode_pl.io.atomic import atomic_write, open_atomic, write_picture
from diode_pl.io.json_file import read_json

log = logging.getLogger(__name__)


def to_yolo_lines(entry: Mapping[str, Any]) -> bytes:
    """Label file of an image: per box a line of class, center x, y, width and height in units of the image."""
    across, down = entry["width"], entry["height"]
    lines = [
        f"{label} {(x + w / 2) / across:.12f} {(y + h / 2) / down:.12f} {w / across:.12f} {h / down:.12f}\n"
        for label, (x, y, w, h) in zip(entry["labels"], entry["boxes"], strict=True)
    ]
    return "".join(lines).encode()


def to_data_yaml(class_names: Sequence[str]) -> bytes:
    """The file that YOLO trainers read first; paths are relative to it."""
    names = [f"  {i}: {json.dumps(name)}" for i, name in enumerate(class_names)]
    return "\n".join(["train: images", "val: images", "names:", *names, ""]).encode()


def describe_set(
    folder: Path, class_names: Sequence[str], plan: Plan | None, gate: Gate | None = None
) -> dict[str, Any] | None:
    """Writes the files on a whole set from its records, and returns the content of ``dataset.json``, which comes last.

    Records are read one by one: the memory does not grow with the images, the time is proportional to them.

    Args:
        folder: of the set.
        class_names: by label.
        plan: of the set; None if it is what is there.
        gate: says which images and boxes are accepted; None says nothing.

    Returns:
        None if there is no record; nothing is written then.

    Raises:
        ValueError: if a record is damaged.
    """
    paths, totals = record_paths(folder), Totals(class_names, gate)
    if not paths:
        return None
    mark = gate.start() if gate is not None and gate.rules else None
    with open_atomic(folder / "annotations.json") as file:
        writer = CocoWriter(file, class_names)
        for path in paths:
            record = read_measured(path, len(class_names))
            marks = None if mark is None else mark(record)
            totals.add(record, marks)
            boxes = describe_boxes(record)
            if marks is None:
                writer.add(record["images"], more_of_boxes=boxes)
                continue
            of_boxes = [
                [known | _state(box) for known, box in zip(each, image["boxes"], strict=True)]
                for each, image in zip(boxes, marks, strict=True)
            ]
            writer.add(record["images"], [_state(image) for image in marks], of_boxes)
        writer.close()
    atomic_write(folder / "data.yaml", to_data_yaml(class_names))
    shown = _read_shown(paths, totals.counts, len(class_names))
    write_picture(folder / "contact_sheet.png", draw_contact_sheet(folder / "images", shown, class_names))
    summary = totals.summarize(plan)
    _report_marks(folder, summary)
    atomic_write(folder / "dataset.json", json.dumps(summary, indent=1).encode())
    return summary


def _report_marks(folder: Path, summary: Mapping[str, Any]) -> None:
    """Says in the log where the same images were accepted by other rules before, or others of them were."""
    try:
        known = read_json(folder / "dataset.json")
        before = known["accepted"] if known["images"] == summary["images"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return
    now = summary.get("accepted")
    if before and before != now:
        words = [_name_rules(each) for each in (now, before)]
        log.info("%s: what is accepted has changed: %s; before, %s", folder, *words)


def _name_rules(accepted: Any) -> str:
    if not isinstance(accepted, dict):
        return "no rules"
    return f"{accepted.get('images')} images by {', '.join(map(str, accepted.get('refused', ())))}"


def _state(mark: Mapping[str, Any]) -> dict[str, Any]:
    reason = "; ".join(mark["reasons"].values())
    return {"accepted": mark["accepted"]} | ({"reason": reason} if reason else {})


def _read_shown(paths: Sequence[Path], counts: Sequence[int], classes: int) -> list[dict[str, Any]]:
    ends, shown = list(accumulate(counts)), []
    for index in spread_evenly(ends[-1]):
        at = bisect_right(ends, index)
        shown.append(read_record(paths[at], classes)["images"][index - ends[at]])
    return shown
