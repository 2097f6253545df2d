"""What a sweep found: one line for each setting, mean and spread over its seeds.

python synthesize.py -m augmentations=all,none seed=0,1,2 output_dir=runs/ablation
python benchmarks/sweep_table.py runs/ablation [runs/another ...]
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean, stdev


def read_jobs(folders: list[Path]) -> dict[tuple[str, ...], list[dict]]:
    """``dataset.json`` of every finished job, by those overrides (seed aside) that not all jobs share."""
    jobs = {}
    paths = [path for folder in folders for path in (*folder.glob("dataset.json"), *folder.glob("*/dataset.json"))]
    for path in sorted(paths, key=lambda path: (path.parent.parent, len(path.parent.name), path)):
        record = json.loads(next((path.parent / "batches").glob("*.json")).read_text(encoding="utf-8"))
        overrides = record["configuration"]["overrides"]
        jobs[path] = [override for override in overrides if not override.startswith(("seed=", "output_dir="))]
    shared = set.intersection(*(set(overrides) for overrides in jobs.values())) if jobs else set()
    groups = defaultdict(list)
    for path, overrides in jobs.items():
        setting = tuple(override for override in overrides if override not in shared)
        groups[setting].append(json.loads(path.read_text(encoding="utf-8")))
    return groups


def spread(values: list[float], digits: int) -> str:
    """Mean, and standard deviation where there are several values."""
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


def main() -> None:
    """Prints the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="output_dir of a sweep, or of a single run")
    folders = parser.parse_args().folders
    groups = read_jobs(folders)
    if not groups:
        raise SystemExit(f"no dataset.json in {', '.join(map(str, folders))} or in a folder right below")
    print("| setting | seeds | images | teacher mAP@0.5 | verifier mAP@0.5 | boxes an image | s an image |")
    print("|---|---|---|---|---|---|---|")
    for setting, jobs in groups.items():
        scores = [
            spread([job["scores"][name] for job in jobs], 3) if all(name in job["scores"] for job in jobs) else "–"
            for name in ("teacher_map50", "verifier_map50")
        ]
        boxes, seconds = ([job[key] for job in jobs] for key in ("boxes_per_image", "seconds_per_image"))
        cells = [", ".join(setting) or "–", len(jobs), jobs[0]["images"], *scores, spread(boxes, 2), spread(seconds, 1)]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
