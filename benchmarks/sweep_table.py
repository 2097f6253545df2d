"""What a sweep of synthesize.py or of train.py found: one line for each setting, mean and spread over its seeds.

python synthesize.py -m augmentations=all,none seed=0,1,2 output_dir=runs/ablation
python train.py -m distill=mimic,decoded seed=0,1,2 output_dir=runs/losses
python benchmarks/sweep_table.py runs/ablation [runs/another ...]
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean, stdev


def result_paths(folder: Path, result: str) -> list[Path]:
    """The result files of a sweep's finished jobs, or of a single run."""
    return [*folder.glob(result), *folder.glob(f"*/{result}")]


def read_jobs(folders: list[Path], result: str, kept: str | None = None) -> dict[tuple[str, ...], list[dict]]:
    """The result file of every finished job, by those overrides (seed aside) that not all jobs share.

    An override that begins with ``kept`` stays, shared or not.
    """
    jobs = {}
    paths = [path for folder in folders for path in result_paths(folder, result)]
    for path in sorted(paths, key=lambda path: (path.parent.parent, len(path.parent.name), path)):
        overrides = _configuration(path.parent).get("overrides", [])
        jobs[path] = [override for override in overrides if not override.startswith(("seed=", "output_dir="))]
    shared = set.intersection(*(set(overrides) for overrides in jobs.values())) if jobs else set()
    if kept is not None:
        shared = {override for override in shared if not override.startswith(kept)}
    groups = defaultdict(list)
    for path, overrides in jobs.items():
        setting = tuple(override for override in overrides if override not in shared)
        groups[setting].append(json.loads(path.read_text(encoding="utf-8")))
    return groups


def _configuration(job: Path) -> dict:
    if (job / "configuration.json").is_file():
        return json.loads((job / "configuration.json").read_text(encoding="utf-8"))
    return json.loads(next((job / "batches").glob("*.json")).read_text(encoding="utf-8"))["configuration"]


def spread(values: list[float], digits: int) -> str:
    """Mean, and standard deviation where there are several values."""
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


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


def print_table(rows: Iterable[list[str]]) -> None:
    """Prints rows in Markdown, the first of them as headings."""
    for i, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if i == 0:
            print("|" + "---|" * len(row))


def main() -> None:
    """Prints the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="output_dir of a sweep, or of a single run")
    folders = parser.parse_args().folders
    images, students = read_jobs(folders, "dataset.json"), read_jobs(folders, "metrics.json")
    if not images and not students:
        where = ", ".join(map(str, folders))
        raise SystemExit(f"no dataset.json or metrics.json in {where} or in a folder right below")
    for groups, table in ((images, synthesis_table), (students, training_table)):
        if groups:
            print_table(table(groups))


if __name__ == "__main__":
    main()
