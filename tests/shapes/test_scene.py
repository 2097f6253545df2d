from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diode_pl.shapes import ShapesWorld, layout, scene
from diode_pl.shapes.palette import Palette
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.scene import draw_scene
from diode_pl.shapes.sprite import Light
from tests.shapes.scenes import RESOLUTION, WORLDS, scenes


@pytest.mark.parametrize("world", WORLDS)
def test_at_least_half_of_every_thing_can_be_seen(world: str) -> None:
    overlaps = 0
    for drawn in scenes(world):
        for i, silhouette in enumerate(drawn.silhouettes):
            hidden = (silhouette & drawn.silhouettes[i + 1 :].any(axis=0)).sum() / silhouette.sum()
            assert hidden < 0.5
            overlaps += hidden > 0.1
    assert overlaps > 0


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_are_tight_around_silhouettes(world: str) -> None:
    for drawn in scenes(world):
        for (x1, y1, x2, y2), silhouette in zip(drawn.boxes * RESOLUTION, drawn.silhouettes, strict=True):
            rows, columns = np.nonzero(silhouette)
            extent = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.array(extent) - (x1, y1, x2, y2)).max() <= 1


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_are_tight_around_paint(monkeypatch: pytest.MonkeyPatch, world: Any) -> None:
    """One thing without shadow on flat gray, photographed by a perfect camera: where it is not gray, it is."""
    monkeypatch.setattr(layout, "COUNTS", (1.0,))
    monkeypatch.setattr(scene, "_draw_light", lambda rng: Light(0, -1, 0.3, 0, 0.05))
    monkeypatch.setattr(scene, "_photograph", lambda canvas, rng: canvas)

    def gray(rng: PortableRandom, palette: Palette, resolution: int) -> np.ndarray:
        return np.full((resolution, resolution, 3), 90, np.uint8)

    style = replace(ShapesWorld("train", 1, world=world)._style, backdrop=gray, clutter=0)
    for i in range(30):
        drawn = draw_scene(PortableRandom(7, i), style, RESOLUTION)
        rows, columns = np.nonzero(np.abs(drawn.image.astype(int) - 90).max(axis=2) > 8)
        extent = np.array((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        assert len(drawn.boxes) == 1 and np.abs(drawn.boxes[0] * RESOLUTION - extent).max() <= 1.5
