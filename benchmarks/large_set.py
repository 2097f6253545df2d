"""Seconds and memory of a set of many images: what a run looks at before it begins, and what describes the whole.

    python benchmarks/large_set.py --images 120000 --batch-size 32

makes records with small images in a temporary folder, all of which hold the same pixels.
"""

import argparse
import json
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import torch

from diode_pl.data.synthetic import FinishedBatch, Plan, SyntheticSet
from diode_pl.data.synthetic.records import record_path
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets

NAMES = [f"class {i}" for i in range(80)]
# As large as the configuration of a run, about 300 keys.
SETTINGS = {"group": {str(i): {"key": i, "other": "a value", "third": None} for i in range(100)}, "seed": 0}


def make(folder: Path, plan: Plan) -> None:
    """Writes one batch, and all others as copies with their own numbers."""
    count = plan.batch_size
    boxes = torch.rand(count, 2).mul(0.4).repeat(1, 2) + torch.tensor([0.0, 0.0, 0.5, 0.5])
    targets = Targets(boxes, torch.arange(count) % len(NAMES), torch.arange(count), count)
    facts = ([{"resolution": 8, "iterations": 1}], {"detection": 1.0}, {"teacher_map50": 0.5}, 1.0, Provenance(True))
    SyntheticSet(folder, NAMES, SETTINGS).write(FinishedBatch(0, 0, torch.rand(count, 3, 8, 8), targets, 0, *facts))
    record = json.loads(record_path(folder, 0).read_text())
    for batch in range(1, plan.num_batches):
        entries = []
        for i, entry in enumerate(record["images"]):
            name = f"{batch * count + i:08d}"
            for kind, suffix in (("images", "png"), ("labels", "txt")):
                source = folder / kind / f"{entry['file_name'][:8]}.{suffix}"
                (folder / kind / f"{name}.{suffix}").hardlink_to(source)
            entries.append(entry | {"id": batch * count + i + 1, "file_name": f"{name}.png"})
        record_path(folder, batch).write_text(json.dumps(record | {"batch": batch, "images": entries}, indent=1))


def measure(folder: Path, plan: Plan, step: str) -> None:
    """Prints seconds and peak memory of one step, in a process of its own."""
    began = time.perf_counter()
    dataset = SyntheticSet(folder, NAMES, SETTINGS)
    opened = time.perf_counter()
    if step == "missing":
        assert dataset.find_missing(plan) == []
    elif step == "finish":
        summary = dataset.finish(plan)
        assert summary is not None and summary["complete"]
    took = (opened - began) if step == "open" else time.perf_counter() - opened
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"| {plan.num_images} | {plan.num_batches} | {step} | {took:.1f} | {peak:.2f} |", flush=True)


def main() -> None:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[30000, 60000, 120000])
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    print("| images | batches | step | seconds | peak, GiB |\n|---|---|---|---|---|", flush=True)
    for images in options.images:
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(images // options.batch_size * options.batch_size, options.batch_size)
            make(Path(folder), plan)
            for step in ("open", "missing", "finish"):
                process = get_context("spawn").Process(target=measure, args=(Path(folder), plan, step))
                process.start()
                process.join()
                assert process.exitcode == 0


if __name__ == "__main__":
    main()
