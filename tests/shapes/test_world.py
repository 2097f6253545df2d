import pickle
from typing import Any

import numpy as np
import pytest
import torch

from diode_pl.provenance import PROXY_IMAGES, REAL_IMAGES, Provenance
from diode_pl.shapes import ShapesWorld
from diode_pl.targets import Targets
from tests.shapes.scenes import MANY, WORLDS, scenes

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
        with pytest.raises(IndexError, match="image .* of 3"):
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
    assert [item.path.as_posix() for item in items] == [f"{world}/train/{i}" for i in range(4)]
    assert {item.size for item in items} == {(64, 64)}


@pytest.mark.parametrize(
    ("world", "provenance"), [("shapes", REAL_IMAGES), ("near", PROXY_IMAGES), ("far", PROXY_IMAGES)]
)
def test_a_world_says_what_it_stands_for(world: Any, provenance: Provenance) -> None:
    assert ShapesWorld("train", 1, 32, world).provenance == provenance


def test_without_labels_the_images_stay() -> None:
    bare, labeled = ShapesWorld("val", 2, 32, labeled=False), ShapesWorld("val", 2, 32)
    assert bare.class_names == () and len(bare[1].boxes) == len(bare[1].labels) == 0 < len(labeled[1].labels)
    assert torch.equal(bare[1].image, labeled[1].image)


def test_far_shares_no_class_and_near_every_class() -> None:
    shapes, near, far = (ShapesWorld("train", 1, 32, world).class_names for world in WORLDS)  # type: ignore[arg-type]
    assert len(set(shapes)) == len(set(far)) == 8
    assert near == shapes and not set(far) & set(shapes)


@pytest.mark.parametrize("world", WORLDS)
def test_every_class_occurs_and_no_other(world: str) -> None:
    counts = np.bincount(np.concatenate([drawn.labels for drawn in scenes(world)]), minlength=8)
    assert len(counts) == 8 and counts.min() > 0.4 * counts.mean()
