"""What readers share: examples, bad files, limits."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from PIL import Image

from diode_pl.data.cache import find_usable
from diode_pl.data.readers.base import BadFileCounter, BadImage
from diode_pl.data.readers.files import ImageFiles, require_folder
from diode_pl.io.annotation import Annotation
from diode_pl.io.ignored import Ignored
from diode_pl.provenance import REAL_IMAGES
from tests.data.readers.pictures import cut_short, paint, usable


def files(folder: Path, count: int = 6, limit: int | None = None, labeled: bool = True, max_bad: int = 1):
    """Image ``i`` shows ``i % 3`` things of class ``i % 2``."""
    known = [
        Annotation.from_objects(paint(folder / f"{i}.png"), [(i % 2, (0.1 * k, 0.2, 0.5, 0.9)) for k in range(i % 3)])
        for i in range(count)
    ]
    return ImageFiles(known, ("cat", "dog"), 16, "real images", BadFileCounter(max_bad), limit, labeled)


def test_an_example_is_a_square_image_with_the_boxes_of_its_file(tmp_path):
    images = files(tmp_path)
    assert len(images) == 6 and images.class_names == ("cat", "dog") and images.provenance == REAL_IMAGES
    example = images[5]
    assert example.image.shape == (3, 16, 16) and example.image.dtype == torch.uint8
    assert example.image[:, 3, 3].tolist() == [255, 0, 0]
    assert example.size == (10, 20) and example.name == "5.png"
    assert example.labels.tolist() == [1, 1]
    torch.testing.assert_close(example.boxes, torch.tensor([[0, 0.2, 0.5, 0.9], [0.1, 0.2, 0.5, 0.9]]))
    assert [len(images[i].labels) for i in range(6)] == [0, 1, 2, 0, 1, 2]


def test_areas_and_ignored_regions_follow_their_images(tmp_path):
    """The boxes were drawn on images of twice the size of the files, of 20 x 10 pixels."""
    crowd = Ignored.from_objects([(1, (0.0, 0.0, 1.0, 0.5), True)])
    known = [
        Annotation.from_objects(
            paint(tmp_path / f"{i}.png"),
            [(0, (0.0, 0.0, 0.5, 1.0))] * i,
            (20.0, 40.0),
            [80.0 * i] * i,
            crowd if i == 1 else None,
        )
        for i in range(3)
    ]
    images = ImageFiles(known, ("cat", "dog"), 16, "real images", BadFileCounter(0), None, True)
    assert [images[i].areas.tolist() for i in range(3)] == [[], [20], [40, 40]]
    assert images.annotation(2).areas.tolist() == [160, 160]
    assert [images[i].ignored is None for i in range(3)] == [True, False, True]
    assert images[1].ignored.labels.tolist() == [1] and images[1].ignored.boxes.tolist() == [[0, 0, 1, 0.5]]
    bare = ImageFiles(known, ("cat", "dog"), 16, "real images", BadFileCounter(0), None, labeled=False)
    assert bare[1].ignored is None and not len(bare[1].areas)


def test_the_images_end(tmp_path):
    images = files(tmp_path, 2)
    for i in (2, -1):
        with pytest.raises(IndexError, match="of 2"):
            images[i]


def test_a_subset_is_drawn_from_all_and_always_the_same(tmp_path):
    names = [example.name for example in map(files(tmp_path, 40, limit=8).__getitem__, range(8))]
    assert names == [example.name for example in map(files(tmp_path, 40, limit=8).__getitem__, range(8))]
    assert names == sorted(names, key=lambda name: int(name[:-4])) and len(set(names)) == 8
    assert int(names[-1][:-4]) > 20, "not the first ones"
    subset = files(tmp_path, 40, limit=8)
    for i in range(8):
        assert len(subset[i].labels) == int(subset[i].name[:-4]) % 3
    assert len(files(tmp_path, 4, limit=100)) == 4


def test_without_labels_there_are_no_boxes_and_no_classes(tmp_path):
    images = files(tmp_path, labeled=False)
    assert images.class_names == () and len(images) == 6
    assert images[5].boxes.shape == (0, 4) and images[5].labels.shape == (0,)


def test_a_bad_image_is_named_and_counted(tmp_path, caplog):
    images = files(tmp_path, max_bad=2)
    cut_short(tmp_path / "2.png")
    (tmp_path / "4.png").unlink()
    assert list(usable(images)) == ["0.png", "1.png", "3.png", "5.png"]
    assert len(images.bad_files) == 2
    assert caplog.text.count("2.png is not a readable image") == caplog.text.count("4.png is not a readable image") == 1
    assert "2 of at most 2" in caplog.text


def test_one_bad_image_too_many_ends_the_run_with_its_name(tmp_path):
    images = files(tmp_path, max_bad=1)
    (tmp_path / "2.png").write_text("no image")
    (tmp_path / "3.png").write_bytes(b"")
    with pytest.raises(BadImage, match=r"2\.png"):
        images[2]
    with pytest.raises(ValueError, match=r"2 images or annotations.*3\.png.*max_bad is 1") as caught:
        usable(images)
    assert not isinstance(caught.value, BadImage)


BOX = [(0, (0.1, 0.2, 0.5, 0.9))]


def declared(path: Path, size: tuple[float, float] | None, things=BOX, labeled: bool = True) -> ImageFiles:
    """One image whose annotations declare ``size``, height and width in pixels."""
    sides = None if size is None else (float(size[0]), float(size[1]))
    return ImageFiles(
        [Annotation.from_objects(path, things, sides)], ("cat",), 16, "real images", BadFileCounter(1), None, labeled
    )


@pytest.mark.parametrize("size", [(20, 10), (10, 24), (200, 100), (1000, 1000), (100, 240)])
def test_a_file_of_another_shape_than_declared_is_bad(tmp_path, size):
    images = declared(paint(tmp_path / "a.png", (20, 10)), size)
    with pytest.raises(BadImage) as caught:
        images[0]
    for part in (
        "a.png has 20 x 10 pixels (width x height",
        f"annotations say {size[1]} x {size[0]}:",
        "Correct width and height",
        "drawn on",
    ):
        assert part in str(caught.value)


# The file is smaller or larger than declared; its sides are rounded up, down, or to the nearest pixel.
@pytest.mark.parametrize(
    ("file", "size"),
    [((20, 14), (427, 640)), ((20, 13), (427, 640)), ((640, 427), (67, 100)), ((1281, 854), (427, 640.5))],
)
def test_a_resized_copy_keeps_its_boxes(tmp_path, file, size):
    images = declared(paint(tmp_path / "a.png", file), size)
    torch.testing.assert_close(images[0].boxes, torch.tensor([[0.1, 0.2, 0.5, 0.9]]))
    assert images[0].size == (file[1], file[0]) and images.annotation(0).size == size and len(images.bad_files) == 0


def test_where_no_box_or_no_size_is_at_stake_no_shape_is_wrong(tmp_path):
    path = paint(tmp_path / "a.png", (20, 10))
    assert declared(path, (20, 10), things=[])[0].size == declared(path, (20, 10), labeled=False)[0].size == (10, 20)
    bare = declared(path, None)
    assert len(bare[0].labels) == 1 and bare.annotation(0).size is None


def test_boxes_lie_on_the_picture_that_exif_turns(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # its upright version has 10 x 20 pixels; what was on the left is at the top
    stored = Image.new("RGB", (20, 10), "gray")
    stored.paste("red", (0, 0, 8, 10))
    stored.save(tmp_path / "a.png", exif=turned)
    example = declared(tmp_path / "a.png", (20, 10), [(0, (0.0, 0.0, 1.0, 0.4))])[0]
    assert example.size == (20, 10) and len(example.labels) == 1
    assert example.image[:, :5].flatten(1).float().mean(1).tolist() == [255, 0, 0]
    with pytest.raises(BadImage, match=r"a.png has 10 x 20 pixels.*EXIF orientation applied.*say 20 x 10"):
        declared(tmp_path / "a.png", (10, 20))[0]


@pytest.fixture
def start_method():
    """Sets how workers start, for one test."""
    before = multiprocessing.get_start_method()
    yield lambda method: multiprocessing.set_start_method(method, force=True)
    multiprocessing.set_start_method(before, force=True)


# Whoever loads by fresh processes, as some systems do, hands the set over by pickling it.
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_find_bad_images_and_the_process_that_opens_counts_them(tmp_path, start_method, start):
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {start}")
    start_method(start)
    images = files(tmp_path, 8, max_bad=8)
    for i in (0, 1, 2, 5):
        (tmp_path / f"{i}.png").unlink()
    assert find_usable(images, 2 if start == "fork" else 1, "images") == [3, 4, 6, 7]
    assert len(images.bad_files) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "no image"),
        ({"limit": 0}, "limit must be >= 1, got 0"),
        ({"max_bad": -1}, "max_bad must be >= 0, got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        files(tmp_path, **changes)


def test_a_resolution_of_nothing_is_refused(tmp_path):
    known = [Annotation.from_objects(paint(tmp_path / "a.png"), [])]
    with pytest.raises(ValueError, match="resolution must be >= 1, got 0"):
        ImageFiles(known, (), 0, "real images", BadFileCounter(0), None, True)


def test_a_folder_that_is_not_there_is_named_with_what_it_should_hold(tmp_path: Path) -> None:
    assert require_folder(tmp_path, "root", "the images") == tmp_path
    with pytest.raises(ValueError, match=r"root.*absent is not a folder; expected that of the images"):
        require_folder(tmp_path / "absent", "root", "the images")


def test_names_and_reasons_of_bad_files_are_bounded(caplog):
    with pytest.raises(ValueError, match="max_bad is 0") as caught:
        BadFileCounter(0).add("n" * 10**5, "r" * 10**5 + " and the way out")
    assert "and the way out" in str(caught.value)
    assert len(str(caught.value)) < 1200 and len(caplog.text) < 1200
