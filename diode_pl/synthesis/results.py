"""What a synthesis shows of the whole set in the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diode_pl.dashboard import Artifact, Dashboard
from diode_pl.provenance import Provenance

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
