"""Completion of a set that several processes have made, and whether it is complete."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.data.accept import Gate
from diode_pl.data.synthetic.dataset import SyntheticSet
from diode_pl.data.synthetic.plan import Plan
from diode_pl.data.synthetic.team import Team
from diode_pl.io.atomic import atomic_write
from diode_pl.io.json_file import read_json

log = logging.getLogger(__name__)


def describe_shortfall(folder: Path, summary: Mapping[str, Any] | None, plan: Plan) -> str | None:
    """What is missing of a set, or None if it is complete.

    Args:
        folder: of the set.
        summary: content of its ``dataset.json``; None without any batch.
        plan: of the set.
    """
    if summary is not None and summary["complete"]:
        return None
    present = {"images": 0, "batches": 0} if summary is None else summary["present"]
    return (
        f"folder: {folder} is not complete, it holds {present['images']} of {plan.num_images} images, "
        f"{present['batches']} of {plan.num_batches} batches"
    )


def mark_unfinished(folder: Path, plan: Plan) -> None:
    """Says in an existing ``dataset.json`` that the set is not complete, before the first change."""
    path = folder / "dataset.json"
    try:
        described = read_json(path)
    except (OSError, ValueError):
        return
    if isinstance(described, dict) and "data_access" in described:
        described |= {"complete": False, "planned": {"images": plan.num_images, "batches": plan.num_batches}}
        atomic_write(path, json.dumps(described, indent=1).encode())


def open_set(folder: str | Path) -> tuple[SyntheticSet, Plan]:
    """A set that is there, by its ``plan.json``.

    Raises:
        ValueError: if the folder has no plan, or a damaged one.
    """
    path = Path(folder) / "plan.json"
    try:
        known = read_json(path)
        plan, names = Plan(known["num_images"], known["batch_size"]), [str(name) for name in known["class_names"]]
        return SyntheticSet(folder, names, known["configuration"]), plan
    except FileNotFoundError:
        raise ValueError(f"folder: {folder} has no plan.json, which a synthesis writes when it begins") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}); the command that made the set writes it anew"
        ) from error


def finish_set(folder: str | Path, gate: Gate | None = None, rules: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Looks at every file of a set, and writes those that describe the whole.

    Args:
        folder: of the set.
        gate: says which images and boxes are accepted; None says nothing.
        rules: of the gate as plain data, which ``plan.json`` states from now on; None leaves it as it is.

    Returns:
        The content of ``dataset.json``.

    Raises:
        ValueError: if the folder has no plan, or the set is not complete.
    """
    dataset, plan = open_set(folder)
    with Team(dataset.folder).door():
        missing = dataset.find_missing(plan)
        if missing:
            mark_unfinished(dataset.folder, plan)
        if rules is not None:
            path = dataset.folder / "plan.json"
            known = read_json(path)
            known["configuration"]["accept"] = rules
            atomic_write(path, json.dumps(known, indent=1).encode())
        summary = dataset.finish(plan, gate)
    shortfall = describe_shortfall(dataset.folder, summary, plan)
    if shortfall is not None:
        shown = ", ".join(map(str, missing[:8])) + ", ..." * (len(missing) > 8)
        raise ValueError(f"{shortfall}; the command that made the set makes the rest: batches {shown}")
    assert summary is not None
    log.info("%s: complete, %d images", dataset.folder, plan.num_images)
    return summary
