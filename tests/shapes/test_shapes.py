import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from diode_pl.shapes import ShapesWorld, layout, scene
from diode_pl.shapes.palette import Palette
from diode_pl.shapes.rng import PortableRandom
from diode_pl.shapes.scene import Scene, draw_scene
from diode_pl.shapes.sprite import Light
from diode_pl.targets import Targets

WORLDS = ("shapes", "near", "far")
RESOLUTION = 96
MANY = 10**6


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Scene]]:
    """Images of each world, most of the one that is trained on."""
    counts = {"shapes": 140, "near": 25, "far": 25}
    return {
        world: [ShapesWorld("train", MANY, RESOLUTION, world).scene(i) for i in range(count)]  # type: ignore[arg-type]
        for world, count in counts.items()
    }


# --- which image is drawn ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_an_image_depends_on_its_number_and_not_on_the_size_of_the_set(world: Any) -> None:
    one, other = ShapesWorld("val", 5, 64, world, seed=3), ShapesWorld("val", MANY, 64, world, seed=3)
    other[4]  # nor on what was drawn before it
    first, second = one[2], other[2]
    assert first.name == second.name and torch.equal(first.image, second.image)
    assert torch.equal(first.boxes, second.boxes) and torch.equal(first.labels, second.labels)
    assert not torch.equal(one[2].image, one[3].image)


def test_splits_worlds_and_seeds_share_no_image() -> None:
    every = [
        ShapesWorld(split, 2, 32, world, seed)[i].image  # type: ignore[arg-type]
        for split in ("train", "val", "test")
        for world in WORLDS
        for seed in (0, 1)
        for i in range(2)
    ]
    assert len({image.numpy().tobytes() for image in every}) == len(every) == 36


RECORDED: dict[str, list[Any]] = {
    "labels": [6, 2, 0, 3, 6],
    "boxes": [
        [5.25, 3.0, 44.75, 32.25],
        [20.8, 24.8, 54.0, 59.0],
        [5.8, 27.6, 31.6, 57.6],
        [29.375, 12.5, 46.5, 30.625],
        [11.375, 57.5, 18.5, 63.25],
    ],
    # Mean of every sixteenth of the image: red, green, blue.
    "tiles": [
        [117.8, 88.7, 92.7, 103.4, 74.1, 74.6, 96.4, 113.9, 79.4, 69.4, 94.8, 115.4, 95.0, 79.2, 94.0, 122.4],
        [131.5, 131.1, 116.9, 133.8, 100.9, 119.3, 84.1, 140.3, 138.5, 123.0, 109.2, 134.7, 174.1, 129.8, 115.5, 123.8],
        [118.6, 60.2, 65.2, 127.5, 67.3, 49.4, 57.9, 133.7, 88.2, 49.7, 116.1, 130.7, 141.2, 99.4, 122.9, 124.1],
    ],
}


def test_the_drawing_is_the_same_on_every_machine() -> None:
    """Recorded once: whoever changes the drawing changes the world, and weights trained on it need training anew."""
    drawn = ShapesWorld("val", 1, 64)[0]
    assert drawn.labels.tolist() == RECORDED["labels"]
    torch.testing.assert_close(drawn.boxes * 64, torch.tensor(RECORDED["boxes"]), atol=1e-3, rtol=0)
    tiles = drawn.image.float().reshape(3, 4, 16, 4, 16).mean(dim=(2, 4))
    # Another version of Pillow may round another way.
    torch.testing.assert_close(tiles.flatten(), torch.tensor(RECORDED["tiles"]).flatten(), atol=1.0, rtol=0)


@pytest.mark.parametrize("world", WORLDS)
def test_another_resolution_shows_the_same_scene(world: Any) -> None:
    small, large = ShapesWorld("train", 8, 96, world), ShapesWorld("train", 8, 192, world)
    for i in range(8):
        coarse, fine = small[i], large[i]
        assert torch.equal(coarse.labels, fine.labels)
        torch.testing.assert_close(coarse.boxes, fine.boxes, atol=0.5 / 96, rtol=0)
        reduced = fine.image.float().unflatten(1, (96, 2)).unflatten(3, (96, 2)).mean(dim=(2, 4))
        assert (coarse.image - reduced).abs().mean() < 0.05 * 255


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "wrong",
    [{"split": "all"}, {"world": "real"}, {"size": -1}, {"seed": -1}, {"resolution": 31}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="got"):
        ShapesWorld(**({"split": "train", "size": 1} | wrong))


def test_the_set_ends_after_its_last_image() -> None:
    world = ShapesWorld("train", 3, 32)
    assert len(world) == len(list(world)) == 3
    for i in (3, -1):
        with pytest.raises(IndexError, match="of a world of 3"):
            world[i]


def test_workers_get_the_same_images() -> None:
    world = ShapesWorld("test", 1, 32)
    assert torch.equal(pickle.loads(pickle.dumps(world))[0].image, world[0].image)


# --- what an item is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_items_become_targets(world: Any) -> None:
    drawn = ShapesWorld("train", 4, 64, world)
    items = [drawn[i] for i in range(4)]
    targets = Targets.from_images([(item.boxes, item.labels) for item in items])
    assert targets.batch_size == 4 and len(targets) == sum(len(item.labels) for item in items)
    images = torch.stack([item.image for item in items])
    assert images.shape == (4, 3, 64, 64) and images.dtype == torch.uint8
    assert images.float().std(dim=(1, 2, 3)).min() > 0.03 * 255
    assert [item.name for item in items] == [f"{world}/train/{i}" for i in range(4)]
    assert {item.size for item in items} == {(64, 64)}


@pytest.mark.parametrize(
    ("world", "data_access"), [("shapes", "real images"), ("near", "proxy images"), ("far", "proxy images")]
)
def test_a_world_says_what_it_stands_for(world: Any, data_access: str) -> None:
    assert ShapesWorld("train", 1, 32, world).data_access == data_access


def test_without_labels_the_images_stay() -> None:
    bare, labeled = ShapesWorld("val", 2, 32, labeled=False), ShapesWorld("val", 2, 32)
    assert bare.class_names == () and len(bare[1].boxes) == len(bare[1].labels) == 0 < len(labeled[1].labels)
    assert torch.equal(bare[1].image, labeled[1].image)


def test_far_shares_no_class_and_near_every_class() -> None:
    shapes, near, far = (ShapesWorld("train", 1, 32, world).class_names for world in WORLDS)  # type: ignore[arg-type]
    assert len(set(shapes)) == len(set(far)) == 8
    assert near == shapes and not set(far) & set(shapes)


@pytest.mark.parametrize("world", WORLDS)
def test_every_class_occurs_and_no_other(scenes: dict[str, list[Scene]], world: str) -> None:
    counts = np.bincount(np.concatenate([drawn.labels for drawn in scenes[world]]), minlength=8)
    assert len(counts) == 8 and counts.min() > 0.4 * counts.mean()


# --- how many, how large -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_one_to_eight_things_few_more_often(scenes: dict[str, list[Scene]], world: str) -> None:
    counts = np.array([len(drawn.labels) for drawn in scenes[world]])
    assert counts.min() == 1 and 6 <= counts.max() <= 8
    assert 2.5 < counts.mean() < 4.2
    assert (counts <= 2).sum() > 1.5 * (counts >= 6).sum()


@pytest.mark.parametrize("world", WORLDS)
def test_sizes_of_a_tenth_to_three_quarters_small_more_often(scenes: dict[str, list[Scene]], world: str) -> None:
    boxes = np.concatenate([drawn.boxes for drawn in scenes[world]])
    assert boxes.min() >= 0 and boxes.max() <= 1
    inside = boxes[(boxes > 0).all(axis=1) & (boxes < 1).all(axis=1)]
    longer = (inside[:, 2:] - inside[:, :2]).max(axis=1)
    pixel = 1 / RESOLUTION
    assert 0.1 - pixel < longer.min() < 0.13 and 0.6 < longer.max() < 0.75 + pixel
    assert 0.2 < np.median(longer) < 0.35  # of a log-uniform draw: 0.27


@pytest.mark.parametrize("world", WORLDS)
def test_at_least_half_of_every_thing_can_be_seen(scenes: dict[str, list[Scene]], world: str) -> None:
    overlaps = 0
    for drawn in scenes[world]:
        for i, silhouette in enumerate(drawn.silhouettes):
            hidden = (silhouette & drawn.silhouettes[i + 1 :].any(axis=0)).sum() / silhouette.sum()
            assert hidden < 0.5
            overlaps += hidden > 0.1
    assert overlaps > 0


# --- where ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_are_tight_around_silhouettes(scenes: dict[str, list[Scene]], world: str) -> None:
    for drawn in scenes[world]:
        for (x1, y1, x2, y2), silhouette in zip(drawn.boxes * RESOLUTION, drawn.silhouettes, strict=True):
            rows, columns = np.nonzero(silhouette)
            extent = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.array(extent) - (x1, y1, x2, y2)).max() <= 1


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_are_tight_around_paint(monkeypatch: pytest.MonkeyPatch, world: Any) -> None:
    """One thing without shadow on flat gray, photographed by a perfect camera: where it is not gray, it is."""
    monkeypatch.setattr(layout, "COUNTS", (1.0,))
    monkeypatch.setattr(scene, "_light", lambda dice: Light(0, -1, 0.3, 0, 0.05))
    monkeypatch.setattr(scene, "_photographed", lambda canvas, dice: canvas)

    def gray(dice: PortableRandom, palette: Palette, resolution: int) -> np.ndarray:
        return np.full((resolution, resolution, 3), 90, np.uint8)

    style = replace(ShapesWorld("train", 1, world=world)._style, backdrop=gray, clutter=0)
    for i in range(30):
        drawn = draw_scene(PortableRandom(7, i), style, RESOLUTION)
        rows, columns = np.nonzero(np.abs(drawn.image.astype(int) - 90).max(axis=2) > 8)
        extent = np.array((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        assert len(drawn.boxes) == 1 and np.abs(drawn.boxes[0] * RESOLUTION - extent).max() <= 1.5


# --- form alone ----------------------------------------------------------------------------------------------------


def test_color_says_nothing_about_the_class(scenes: dict[str, list[Scene]]) -> None:
    """A classifier that learns the mean color and brightness of the things of each class does as well as chance."""
    colors, labels = [], []
    for drawn in scenes["shapes"]:
        for i, label in enumerate(drawn.labels):
            seen = drawn.silhouettes[i] & ~drawn.silhouettes[i + 1 :].any(axis=0)
            pixels = drawn.image[seen].astype(float)
            colors.append(np.concatenate([pixels.mean(axis=0), [pixels.mean()]]))
            labels.append(label)
    feature, known = np.array(colors), np.array(labels)
    half = len(known) // 2
    means = np.stack([feature[:half][known[:half] == label].mean(axis=0) for label in range(8)])
    guessed = np.square(feature[half:, None] - means).sum(axis=2).argmin(axis=1)
    assert half > 200 and (guessed == known[half:]).mean() < 0.125 + 0.07


# --- the dice ------------------------------------------------------------------------------------------------------


def test_dice_are_uniform_and_independent() -> None:
    dice = PortableRandom(1, 2, 3)
    drawn = np.array([dice.unit() for _ in range(4000)])
    assert drawn.min() >= 0 and drawn.max() < 1 and abs(drawn.mean() - 0.5) < 0.02
    assert abs(drawn.std() - 12**-0.5) < 0.01
    assert set(dice.below(5) for _ in range(100)) == set(range(5))
    share = np.bincount([dice.weighted((0.5, 0.3, 0.2)) for _ in range(2000)]) / 2000
    assert np.abs(share - (0.5, 0.3, 0.2)).max() < 0.04
    raw = dice.bytes(50, 41)
    assert raw.shape == (50, 41) and raw.min() == 0 and raw.max() == 255 and abs(raw.mean() - 127.5) < 6


def test_a_child_does_not_depend_on_what_was_drawn() -> None:
    fresh, used = PortableRandom(1, 2), PortableRandom(1, 2)
    used.unit()
    assert fresh.child(5).unit() == used.child(5).unit() != fresh.child(6).unit()
    assert PortableRandom(1, 2, 5).unit() == fresh.child(5).unit() != PortableRandom(2, 2, 5).unit()
