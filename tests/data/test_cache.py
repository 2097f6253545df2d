from pathlib import Path

import pytest
import torch
from torch.multiprocessing import start_processes

from diode_pl.data.cache import ImageSubset, InMemory, find_usable
from diode_pl.data.readers import Annotation, BadFileCounter, ImageFiles, ImageSet
from diode_pl.provenance import REAL_IMAGES
from tests.data.painted import Crowded, Painted, same

BAD = {2, 5, 6}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("keep", [False, True])
def test_is_the_source_without_its_bad_images(keep: bool, workers: int) -> None:
    source = Painted(9, bad=BAD)
    if keep:
        opened: ImageSet = InMemory(source, workers, "some images")
    else:
        opened = ImageSubset(source, find_usable(source, workers, "some images"))
    assert opened.class_names == source.class_names and opened.resolution == source.resolution
    assert opened.provenance == source.provenance and opened.bad_files is source.bad_files
    usable = [i for i in range(9) if i not in BAD]
    assert len(opened) == len(usable) and len(opened.bad_files) == len(BAD)
    for position, i in enumerate(usable):
        assert same(opened[position], source[i])
        annotation = opened.annotation(position)
        assert annotation.path == source[i].path and torch.equal(annotation.boxes, source[i].boxes)


@pytest.mark.parametrize("workers", [0, 2])
def test_areas_and_ignored_regions_stay_with_their_images(workers: int) -> None:
    for opened in (InMemory(Crowded(Painted(5)), workers, "images"), ImageSubset(Crowded(Painted(5)), range(5))):
        assert [opened[i].areas.tolist() for i in range(5)] == [[7 + i] for i in range(5)]
        assert [opened[i].ignored.labels.tolist() for i in range(5)] == [[i % 3] for i in range(5)]


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_images_are_named_and_counted_once(workers: int, caplog: pytest.LogCaptureFixture) -> None:
    source = Painted(7, bad=BAD)
    memory = InMemory(source, workers, "some images")
    for _ in range(2):
        [memory[i] for i in range(len(memory))]
    assert len(source.bad_files) == 3 and memory.indices == [0, 1, 3, 4]
    assert [f"skipped image {i}: image {i} is torn" in caplog.text for i in range(7)] == [i in BAD for i in range(7)]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("open_set", [InMemory, find_usable])
def test_too_many_bad_images_are_an_error(open_set, workers: int) -> None:
    with pytest.raises(ValueError, match="2 images or annotations cannot be used.*max_bad is 1"):
        open_set(Painted(7, bad={2, 5}, max_bad=1), workers, "some images")


@pytest.mark.parametrize("open_set", [InMemory, find_usable])
def test_a_set_of_bad_images_alone_is_an_error(open_set) -> None:
    last = "; the last of 3 that cannot be used is image 2: image 2 is torn"
    with pytest.raises(ValueError, match=f"none of the 3 training images can be used{last}"):
        open_set(Painted(3, bad=range(3)), 0, "training images")


def test_nothing_is_read_again() -> None:
    source = Painted(3)
    memory = InMemory(source, 0, "some images")
    assert source.reads == 3
    examples = [memory[i] for i in (0, 1, 2, 2)]
    assert source.reads == 3 and same(examples[2], examples[3])


def absent(folder: Path) -> ImageFiles:
    """Forty image files, none of which exists."""
    known = [Annotation.from_objects(folder / f"{i}.png", []) for i in range(40)]
    return ImageFiles(known, (), 16, REAL_IMAGES, BadFileCounter(99), None, False)


def test_annotations_need_no_image(tmp_path: Path) -> None:
    source = Painted(3)
    memory, subset = InMemory(source, 0, "some images"), ImageSubset(absent(tmp_path), [7])
    assert len(memory.annotation(2).labels) == 1 and source.reads == 3
    assert subset.annotation(0).path == tmp_path / "7.png"


def open_all(rank: int, images: ImageFiles) -> None:
    with pytest.raises(ValueError, match="none of the 40"):
        find_usable(images, rank, "images")


# As the ranks of a training do, whose parent is asked afterwards how many were skipped.
def test_processes_that_count_at_the_same_time_lose_no_file_and_count_none_twice(tmp_path: Path) -> None:
    images = absent(tmp_path)
    images.bad_files.add("an annotation", "torn")
    start_processes(open_all, (images,), nprocs=3, start_method="fork")
    assert len(images.bad_files) == 41
