"""What a sweep of synthesize.py or of train.py found: one line for each setting, mean and spread over its seeds.

python synthesize.py -m augmentations=all,none seed=0,1,2 output_dir=runs/ablation
python train.py -m distill=mimic,decoded seed=0,1,2 output_dir=runs/losses
python -m benchmarks.collect runs/ablation runs/losses
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.jobs import read_jobs, spread


def sweep_tables(folders: list[Path]) -> list[list[list[str]]]:
    """Of the images and of the students in some folders, a table each if there are any."""
    images, students = read_jobs(folders, "dataset.json"), read_jobs(folders, "metrics.json")
    if not images and not students:
        where = ", ".join(map(str, folders))
        raise SystemExit(f"no dataset.json or metrics.json in {where} or in a folder right below")
    pairs = ((images, synthesis_table), (students, training_table))
    return [list(table(groups)) for groups, table in pairs if groups]


def synthesis_table(groups: dict[tuple[str, ...], list[dict]]) -> Iterator[list[str]]:
    """Rows of sweeps of synthesize.py, headings first."""
    yield ["setting", "seeds", "images", "teacher mAP@0.5", "verifier mAP@0.5", "boxes an image", "s an image"]
    for setting, jobs in groups.items():
        scores = [
            spread([job["scores"][name] for job in jobs], 3) if all(name in job["scores"] for job in jobs) else "–"
            for name in ("teacher_map50", "verifier_map50")
        ]
        boxes, seconds = ([job[key] for job in jobs] for key in ("boxes_per_image", "seconds_per_image"))
        cells = [", ".join(setting) or "–", len(jobs), jobs[0]["images"], *scores, spread(boxes, 2), spread(seconds, 1)]
        yield list(map(str, cells))


def training_table(groups: dict[tuple[str, ...], list[dict]]) -> Iterator[list[str]]:
    """Rows of sweeps of train.py, headings first."""
    yield ["setting", "seeds", "student AP@0.5", "student AP", "of the teacher's AP@0.5", "data access", "s a run"]
    for setting, jobs in groups.items():
        scored = [job for job in jobs if job.get("student")]
        shares = [job["student"]["AP50"] / job["teacher"]["AP50"] for job in scored if job["teacher"]]
        scores = [spread([job["student"][name] for job in scored], 3) if scored else "–" for name in ("AP50", "AP")]
        cells = [", ".join(setting) or "–", len(jobs), *scores, spread(shares, 2) if shares else "–"]
        yield list(map(str, [*cells, jobs[0]["data_access"], spread([job["seconds"] for job in jobs], 0)]))
