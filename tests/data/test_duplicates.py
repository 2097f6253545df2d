"""Images that show nearly the same are one group."""

from pathlib import Path

import torch

from diode_pl.data.duplicates import group_duplicates, thumbnail
from diode_pl.data.readers import Voc
from tests.data.painted import Painted


def paths(count: int) -> list[Path]:
    return [Path(f"{i}.jpg") for i in range(count)]


def test_copies_are_found_wherever_they_stand_in_a_list_and_however_bright() -> None:
    pictures = torch.rand(40, 768)
    pictures[31] = pictures[2] + 0.004
    pictures[17] = pictures[31] + 0.02 * torch.rand(768)  # of a copy
    groups = group_duplicates(paths(40), pictures)
    assert [group for group in groups if len(group) > 1] == [[2, 17, 31]] and len(groups) == 38


def test_pictures_of_equal_brightness_differ_by_their_pixels() -> None:
    left = torch.tensor([1.0, 0.0]).repeat(384)
    assert group_duplicates(paths(3), torch.stack([left, 1 - left, left])) == [[0, 2], [1]]


def test_one_file_and_copies_that_a_service_augmented_belong_together() -> None:
    names = ["a/1.jpg", "b/1.jpg", "a/1.jpg", "a/2_jpg.rf.0f.jpg", "a/2_jpg.rf.9c.jpg"]
    assert group_duplicates([Path(name) for name in names], torch.eye(5)) == [[0, 2], [1], [3, 4]]


def test_a_thumbnail_is_the_same_at_every_size() -> None:
    small, large = (thumbnail(Painted(1, side=side)[0]) for side in (32, 128))
    assert small.shape == (768,) and float((small - large).abs().mean()) < 0.02
    assert float(small.min()) == 0 and float(small.max()) == 1


def test_raccoons_that_were_collected_twice(shared_data: Path) -> None:
    images = Voc(shared_data / "raccoon", None, 64)
    names = [images.annotation(i).path for i in range(len(images))]
    groups = group_duplicates(names, torch.stack([thumbnail(images[i]) for i in range(len(images))]))
    twice = sorted(sorted(names[i].stem.split("-")[1] for i in group) for group in groups if len(group) > 1)
    assert twice == [["11", "116"], ["120", "83"], ["21", "45"], ["50", "52", "74"], ["51", "85"], ["65", "98"]]
