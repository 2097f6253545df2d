"""Random truths with detections that hit some of them."""

import numpy as np
import torch

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.targets import Targets

CLASSES = 3


def random_set(images: int = 8, seed: int = 0, noise: float = 0.04) -> tuple[list[Detections], Targets]:
    """Targets, and detections that hit some of them, more or less well, beside false ones."""
    draw = np.random.default_rng(seed)
    wanted, found = [], []
    for _ in range(images):
        count = int(draw.integers(0, 5))
        boxes, labels = random_boxes(draw, count), draw.integers(0, CLASSES, count)
        near = boxes + draw.normal(0, noise, boxes.shape).astype("f4")
        seen = np.where(draw.random(count) < 0.8, labels, 0)
        both = np.concatenate([near, random_boxes(draw, 3)])
        names = np.concatenate([seen, draw.integers(0, CLASSES, 3)])
        scores = np.sort(draw.random(count + 3).astype("f4"))[::-1].copy()
        order = draw.permutation(count + 3)
        wanted.append((torch.tensor(boxes), torch.tensor(labels)))
        found.append(Detections(torch.tensor(both[order]), torch.tensor(scores), torch.tensor(names[order])))
    return found, Targets.from_images(wanted)


def random_boxes(draw: np.random.Generator, count: int) -> np.ndarray:
    corner, size = draw.uniform(0, 0.6, (count, 2)), draw.uniform(0.1, 0.4, (count, 2))
    return np.concatenate([corner, corner + size], axis=1).astype("f4")


def random_sizes(images: int, seed: int = 0) -> list[tuple[int, int]]:
    """Height and width of images of which COCO calls boxes of :func:`random_boxes` small, medium and large."""
    draw = np.random.default_rng(seed)
    return [(int(h), int(w)) for h, w in draw.integers(40, 480, (images, 2))]


def random_ignored(images: int, crowd: bool, seed: int = 0) -> list[Ignored | None]:
    """Up to two regions for each image."""
    draw, found = np.random.default_rng(seed), list[Ignored | None]()
    for _ in range(images):
        count = int(draw.integers(0, 3))
        boxes, labels = torch.tensor(random_boxes(draw, count)), torch.tensor(draw.integers(0, CLASSES, count))
        found.append(Ignored(boxes, labels, torch.full((count,), crowd)) if count else None)
    return found


def some_images(targets: Targets, images: range) -> Targets:
    """The targets of a part of the batch, as a batch of their own."""
    every = targets.per_image()
    return Targets.from_images([every[i] for i in images])


def perfect(targets: Targets) -> list[Detections]:
    """Exactly what is wanted."""
    return [Detections(b.clone(), torch.linspace(0.9, 0.8, len(b)), c.clone()) for b, c in targets.per_image()]


def nothing(images: int) -> list[Detections]:
    return [Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long)) for _ in range(images)]
