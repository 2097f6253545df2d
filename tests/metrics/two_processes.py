"""What one of two processes does in the test of synchronized scores."""

import json
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist
from torch.multiprocessing import spawn

from diode_pl.metrics import DetectionScores
from tests.metrics.random_set import random_set, random_sizes, some_images

NAMES = ("disc", "ring", "star")
IMAGES = 12
# Images of the first and of the second process: uneven parts, and all to one, while the other sees nothing at all.
SHARES = ((9, 3), (IMAGES, 0), (0, IMAGES))


def score_a_share(rank: int, folder: str) -> None:
    """Updates with this process's images and writes the scores that it computes."""
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    results = []
    for share in SHARES:
        scores = DetectionScores(NAMES)
        begin = sum(share[:rank])
        update(scores, range(begin, begin + share[rank]))
        results.append([scores.compute(), scores.per_class()])
    # A second round after a reset, truths on the first process alone.
    scores.reset()
    update(scores, range(5) if rank == 0 else range(5, 7), truths=rank == 0)
    results.append([scores.compute(), scores.per_class()])
    Path(folder, f"{rank}.json").write_text(json.dumps(results))
    dist.destroy_process_group()


def update(scores: DetectionScores, images: range, truths: bool = True) -> None:
    """Two images at a time, as an epoch of validation does."""
    detections, targets = random_set(IMAGES)
    sizes = random_sizes(IMAGES)
    for at in range(images.start, images.stop, 2):
        batch = range(at, min(at + 2, images.stop))
        wanted = some_images(targets, batch)
        wanted = wanted if truths else wanted.keep(wanted.labels < 0)
        scores.update([detections[i] for i in batch], wanted, [sizes[i] for i in batch])


def run(folder: Path) -> list[list[list[dict]]]:
    """Results of both processes."""
    spawn(score_a_share, (str(folder),), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]
