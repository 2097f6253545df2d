import numpy as np
import pytest

from tests.shapes.scenes import RESOLUTION, WORLDS, scenes


@pytest.mark.parametrize("world", WORLDS)
def test_one_to_eight_things_few_more_often(world: str) -> None:
    counts = np.array([len(drawn.labels) for drawn in scenes(world)])
    assert counts.min() == 1 and 6 <= counts.max() <= 8
    assert 2.5 < counts.mean() < 4.2
    assert (counts <= 2).sum() > 1.5 * (counts >= 6).sum()


@pytest.mark.parametrize("world", WORLDS)
def test_sizes_of_a_tenth_to_three_quarters_small_more_often(world: str) -> None:
    boxes = np.concatenate([drawn.boxes for drawn in scenes(world)])
    assert boxes.min() >= 0 and boxes.max() <= 1
    inside = boxes[(boxes > 0).all(axis=1) & (boxes < 1).all(axis=1)]
    longer = (inside[:, 2:] - inside[:, :2]).max(axis=1)
    pixel = 1 / RESOLUTION
    assert 0.1 - pixel < longer.min() < 0.13 and 0.6 < longer.max() < 0.75 + pixel
    assert 0.2 < np.median(longer) < 0.35  # of a log-uniform draw: 0.27
