"""What a synthesis shows of the whole set in the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diode_pl.class_names import match_classes
from diode_pl.dashboard import Artifact, Dashboard
from diode_pl.provenance import Provenance
from diode_pl.report import log_closing
from diode_pl.shapes.objects import OBJECTS

RESULTS = ("teacher_map50", "verifier_map50", "images", "boxes", "seconds_per_image")


def show_set(dashboards: Sequence[Dashboard], folder: Path, summary: Mapping[str, Any]) -> None:
    """Shows the results of a set, and keeps its files once it is complete.

    Args:
        dashboards: of the run.
        folder: of the set.
        summary: content of its ``dataset.json``.
    """
    known = {**summary, **summary["scores"]}
    values = {name: known[name] for name in (*RESULTS, "data_access") if name in known}
    for dashboard in dashboards:
        dashboard.summarize(values)
        dashboard.add_tags(Provenance.parse(summary["data_access"]).parts)
        if summary["complete"]:
            dashboard.log_artifact(Artifact.from_set(folder, summary))


def log_next(folder: str | Path, class_names: Sequence[str]) -> None:
    """Logs where the images of a set can be seen, and the command that trains a student on them.

    By default students are measured on the embedded world, which has few of the classes of other teachers, or none.
    """
    known = sum(label >= 0 for label in match_classes(class_names, list(OBJECTS)))
    val = [] if 2 * known >= len(class_names) else ["data@val=none"]
    log_closing(folder, "contact_sheet.png", "the images", "train.py", "+experiment=quick", "train.root={}", *val)
