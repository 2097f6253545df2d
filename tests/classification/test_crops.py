from pathlib import Path

import pytest
import torch

from diode_pl.classification.crops import (
    CropAugmentation,
    CropSet,
    balance_classes,
    collate_crops,
    find_objects,
    split_by_image,
)
from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.readers import Annotation, BadFileCounter, Example, ImageFiles, ImageSet
from diode_pl.numerics.roi_crop import crop_boxes as cut
from tests.data.colored import Colored
from tests.data.painted import PAINT, Painted, corners

STILL = CropAugmentation(jitter=0.0, flip=0.0, color=0.0)


class Ramp(ImageSet):
    """One image whose red grows from left to right and whose green from top to bottom, with one box."""

    def __init__(self, *box: float) -> None:
        super().__init__(("thing",), 64, "real images", 0)
        self.box = box

    def __len__(self) -> int:
        return 1

    def __getitem__(self, i: int) -> Example:
        ramp = torch.arange(64, dtype=torch.uint8) * 2
        image = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), torch.full((64, 64), 7).byte()])
        return Example(Path("ramp"), torch.tensor([self.box]) / 64, torch.tensor([0]), (64, 64), image)


def ramp_crop(changes: CropAugmentation | None, seed: int = 0, size: int = 8) -> torch.Tensor:
    source = Ramp(16, 20, 48, 60)
    return CropSet(source, find_objects(source), size, changes=changes)[SampleKey(0, seed)][0]


def test_every_box_of_every_image_is_an_object() -> None:
    objects = find_objects(Colored(9))
    assert objects.image_index.tolist() == [i // 2 for i in range(18)] and objects.labels.tolist() == [0, 1, 2] * 6
    assert objects.labels.bincount(minlength=4).tolist() == [6, 6, 6, 0]
    assert torch.equal(objects.boxes[4:6], Colored(9)[2].boxes)


def test_where_annotations_are_known_no_image_is_read() -> None:
    known = [
        Annotation.from_objects(Path("nowhere.png"), [(1, (0.1, 0.1, 0.4, 0.5))]),
        Annotation.from_objects(Path("nowhere.png"), []),
    ]
    source = ImageFiles(known, ("a", "b"), 32, "real images", BadFileCounter(0), None, True)
    objects = find_objects(source)
    assert objects.image_index.tolist() == [0] and objects.labels.tolist() == [1]


def test_images_without_labels_have_no_objects() -> None:
    assert len(find_objects(Painted(3, names=()))) == 0


@pytest.mark.parametrize("changes", [None, STILL])
def test_a_crop_shows_its_box_and_nothing_else(changes: CropAugmentation | None) -> None:
    source = Painted(12)
    crops = CropSet(source, find_objects(source), 8, changes=changes)
    assert len(crops) == 12
    for i in range(12):
        crop, label = crops[SampleKey(i, i)]
        assert label == i % 3 and crop.dtype == torch.float32 and crop.shape == (3, 8, 8)
        torch.testing.assert_close(crop, torch.full_like(crop, PAINT / 255))


def test_a_crop_is_stretched_to_its_size_bilinearly() -> None:
    crop = ramp_crop(None) * 255
    # Cells of 4 x 5 pixels: the middle of cell c lies 4c + 1.5 pixels to the right of the box's left side.
    torch.testing.assert_close(crop[0, 3], 2 * (16 + 4 * torch.arange(8) + 1.5))
    torch.testing.assert_close(crop[1, :, 3], 2.0 * (20 + 5 * torch.arange(8) + 2))
    torch.testing.assert_close(crop[2], torch.full((8, 8), 7.0))


def test_a_crop_is_what_a_distillation_shows_the_classifier() -> None:
    # No whole pixels, and far fewer of them than the box has: whole corners or a smoother cut would differ.
    source = Ramp(10.3, 3.8, 60.7, 50.5)
    image = source[0].image[None].float() / 255
    expected = cut(image, source[0].boxes, torch.tensor([0]), 8)[0]
    assert torch.equal(CropSet(source, find_objects(source), 8)[SampleKey(0, 0)][0], expected)
    torch.testing.assert_close(CropSet(source, find_objects(source), 8, changes=STILL)[SampleKey(0, 3)][0], expected)


def test_jitter_moves_every_side_by_up_to_its_share() -> None:
    changes = CropAugmentation(jitter=0.1, flip=0.0, color=0.0)
    # So large that the first pixel lies at the side of the box, where the ramp is twice the place less half a pixel.
    moved = [ramp_crop(changes, seed, 256) * 255 / 2 + 0.5 for seed in range(60)]
    left = torch.tensor([float(crop[0, 0, 0]) for crop in moved]) - 16
    right = torch.tensor([float(crop[0, 0, -1]) for crop in moved]) - 48
    top = torch.tensor([float(crop[1, 0, 0]) for crop in moved]) - 20
    for side, size in ((left, 32), (right, 32), (top, 40)):
        assert side.abs().max() <= 0.1 * size + 0.1 and side.min() < -0.05 * size and side.max() > 0.05 * size
    assert abs(float(torch.corrcoef(torch.stack([left, right]))[0, 1])) < 0.5  # each by a draw of its own


def test_mirrored_left_and_right() -> None:
    plain, mirrored = ramp_crop(STILL), ramp_crop(STILL._replace(flip=1.0))
    assert torch.equal(plain.flip(2), mirrored) and not torch.equal(plain, mirrored)
    half = [torch.equal(ramp_crop(STILL._replace(flip=0.5), seed), plain) for seed in range(40)]
    assert 8 < sum(half) < 32


def test_colors_change_and_form_does_not() -> None:
    plain = ramp_crop(STILL)
    changed = [ramp_crop(STILL._replace(color=0.2), seed) for seed in range(20)]
    ratios = torch.tensor([float(crop.mean() / plain.mean()) for crop in changed])
    assert ratios.min() < 0.95 and ratios.max() > 1.05 and ratios.min() > 0.7 and ratios.max() < 1.3
    assert all(float(crop[0, 0].diff().min()) >= 0 for crop in changed)


def test_same_draw_same_crop_whatever_was_drawn_before() -> None:
    changes = CropAugmentation()
    first = ramp_crop(changes, 5)
    torch.rand(7)
    assert torch.equal(ramp_crop(changes, 5), first) and not torch.equal(ramp_crop(changes, 6), first)
    state = torch.random.get_rng_state()
    ramp_crop(changes, 5)
    assert torch.equal(torch.random.get_rng_state(), state)  # and it leaves the draws of others alone


@pytest.mark.parametrize("box", [(63.6, 63.7, 64, 64), (0, 0, 0.3, 64), (10.4, 10.4, 10.45, 10.45), (0, 0, 64, 64)])
def test_a_box_at_the_edge_or_thinner_than_a_pixel_still_shows_something(box: tuple[float, ...]) -> None:
    source = Ramp(*box)
    for changes in (None, CropAugmentation()):
        crop, _ = CropSet(source, find_objects(source), 8, changes=changes)[SampleKey(0, 1)]
        assert crop.shape == (3, 8, 8)


def test_no_image_is_in_both_parts() -> None:
    objects = find_objects(Colored(20))
    train, held_out = split_by_image(objects, 0.2, seed=1)
    assert len(held_out.image_index.unique()) == 4 and len(train) + len(held_out) == len(objects)
    assert not {*train.image_index.tolist()} & {*held_out.image_index.tolist()}
    assert torch.equal(split_by_image(objects, 0.2, seed=1)[1].image_index, held_out.image_index)
    assert not torch.equal(split_by_image(objects, 0.2, seed=2)[1].image_index, held_out.image_index)
    everything, nothing = split_by_image(objects, 0.0, seed=1)
    assert len(everything) == 40 and len(nothing) == 0
    assert len(split_by_image(objects, 0.001, seed=1)[1].image_index.unique()) == 1
    assert len(split_by_image(objects, 0.999, seed=1)[0].image_index.unique()) == 1


def test_one_image_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match=r"held_out=0\.2 takes whole images, and 1 have boxes.*held_out=0"):
        split_by_image(find_objects(Colored(1)), 0.2, seed=0)


def test_balance_gives_each_class_that_there_is_the_same_share() -> None:
    objects = find_objects(Colored(18, (6, 2, 1)))
    assert objects.labels.bincount().tolist() == [24, 8, 4]
    order = balance_classes(objects.labels, 5)
    assert objects.labels[order].bincount().tolist() == [24, 24, 24]
    assert order.bincount().tolist() == [{0: 1, 1: 3, 2: 6}[label] for label in objects.labels.tolist()]


def test_a_batch_of_crops() -> None:
    crop = torch.zeros(3, 8, 8)
    images, labels = collate_crops([(crop, 2), (crop, 0)])
    assert images.shape == (2, 3, 8, 8) and labels.tolist() == [2, 0]


@pytest.mark.parametrize("changes", [{"jitter": 0.5}, {"jitter": -0.1}, {"flip": 1.1}, {"color": 2.0}])
def test_bad_numbers(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^jitter, flip and color must be in \[0, 0\.5\)"):
        CropAugmentation(**changes).check()


def test_corners_of_the_painted_box_are_what_is_cut() -> None:
    source = Painted(5)
    x1, y1, x2, y2 = corners(3)
    assert (find_objects(source).boxes[3] * source.resolution).tolist() == [x1, y1, x2, y2]
