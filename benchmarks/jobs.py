"""Finished jobs of sweeps, and what tables of them need."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev


def result_paths(folder: Path, result: str) -> list[Path]:
    """The result files of a sweep's finished jobs, or of a single run."""
    return [*folder.glob(result), *folder.glob(f"*/{result}")]


def read_jobs(folders: list[Path], result: str, kept: str | None = None) -> dict[tuple[str, ...], list[dict]]:
    """The result file of every finished job, by those overrides (seed aside) that not all jobs share.

    An override that begins with ``kept`` stays, shared or not. Of jobs that differ in nothing the first counts.
    """
    jobs, results = {}, read_results(folders, result)
    for path in sorted(results, key=lambda path: (path.parent.parent, len(path.parent.name), path)):
        overrides = read_overrides(path.parent)
        jobs[path] = [override for override in overrides if not override.startswith(("seed=", "output_dir="))]
    shared = set.intersection(*(set(overrides) for overrides in jobs.values())) if jobs else set()
    if kept is not None:
        shared = {override for override in shared if not override.startswith(kept)}
    groups, seen = defaultdict(list), set()
    for path, overrides in jobs.items():
        setting = tuple(override for override in overrides if override not in shared)
        job = (setting, read_seed(path))
        if job not in seen:
            groups[setting].append(results[path])
        seen.add(job)
    return groups


def read_results(folders: list[Path], result: str) -> dict[Path, dict]:
    """The content of the result files of finished jobs, by path: not of sets that lack images."""
    paths = (path for folder in folders for path in sorted(result_paths(folder, result)))
    read = {path: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    return {path: content for path, content in read.items() if content.get("complete", True)}


def read_seed(path: Path) -> int | Path:
    """The seed of the job of a result file, typed or not; the file itself if the configuration does not say."""
    return read_configuration(path.parent).get("seed", path)


def read_overrides(job: Path) -> list[str]:
    """The words of the command line of a job."""
    return read_configuration(job).get("overrides", [])


def read_configuration(job: Path) -> dict:
    """The whole configuration of a job."""
    if (job / "configuration.json").is_file():
        return json.loads((job / "configuration.json").read_text(encoding="utf-8"))
    record = next((job / "batches").glob("*.json"))
    return json.loads(record.read_text(encoding="utf-8"))["configuration"]


def spread(values: list[float], digits: int) -> str:
    """Mean, and standard deviation where there are several values."""
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


def print_table(rows: Iterable[list[str]]) -> None:
    """Prints rows in Markdown, the first of them as headings."""
    for i, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if i == 0:
            print("|" + "---|" * len(row))
