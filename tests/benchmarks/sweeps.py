"""What sweeps leave behind, written by hand."""

import json
from collections.abc import Sequence
from pathlib import Path


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def training(job: Path, overrides: Sequence[str], score: float, teacher: float | None = 0.8, seconds: int = 60) -> None:
    student = {"AP50": score, "AP": score / 2}
    seen = "teacher +proxy images"
    content = {"student": student, "teacher": {"AP50": teacher} if teacher else {}, "data_access": seen}
    write(job / "metrics.json", content | {"seconds": seconds})
    write(job / "configuration.json", {"overrides": list(overrides)})


def synthesis(
    job: Path,
    overrides: Sequence[str],
    verifier: float | None,
    boxes: float,
    seconds: float,
    seed: int | None = None,
    complete: bool = True,
) -> None:
    scores = {"teacher_map50": 0.9} | ({"verifier_map50": verifier} if verifier is not None else {})
    content = {"images": 16, "scores": scores, "boxes_per_image": boxes, "seconds_per_image": seconds}
    content["complete"] = complete
    write(job / "dataset.json", content)
    # The configuration of a synthesis stands in its batches.
    configuration = {"overrides": list(overrides)} | ({} if seed is None else {"seed": seed})
    write(job / "batches" / "000000.json", {"configuration": configuration})
