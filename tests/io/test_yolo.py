"""Label files of YOLO trainers. What a bad line is, tests/data/readers/test_yolo.py shows."""

from pathlib import Path

import pytest

from diode_pl.io.yolo import find_label_file, label_paths, parse_labels


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("set/images/1.png", ["set/labels/1.txt", "set/images/1.txt"]),
        ("images/images/a/1.b.png", ["images/labels/a/1.b.txt", "images/images/a/1.b.txt"]),
        ("images.png", ["images.txt"]),
        ("set/my_images/1.png", ["set/my_images/1.txt"]),
    ],
)
def test_labels_are_instead_of_the_last_images_or_beside(image, labels):
    assert [path.as_posix() for path in label_paths(Path(image))] == labels


def test_the_folder_of_labels_comes_before_the_place_beside(tmp_path):
    image = tmp_path / "images" / "1.png"
    assert find_label_file(image) is None and find_label_file(tmp_path / ("x" * 1000)) is None
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.txt").touch()
        assert find_label_file(image) == tmp_path / folder / "1.txt"


def test_lines_that_say_the_same_are_one_object():
    bad = []
    text = "0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n\nx\n 0.0  0.50 .5 0.5 5e-1 \n0 0.5 0.5 0.5 0.4999"
    objects, repeated, empty = parse_labels(text, Path("a.txt"), 2, lambda *told: bad.append(told))
    box, smaller = (0.25, 0.25, 0.75, 0.75), pytest.approx((0.25, 0.25005, 0.75, 0.74995))
    assert [(label, corners) for label, corners in objects] == [(0, box), (1, box), (0, smaller)]
    assert repeated == ["a.txt, line 5"] and not empty
    assert bad == [("a.txt, line 4", "expected five numbers, class cx cy w h, got 'x'")]


@pytest.mark.parametrize(("text", "empty"), [("", True), (" \n\n", True), ("x", False)])
def test_a_file_without_lines_is_empty(text, empty):
    assert parse_labels(text, Path("a.txt"), 1, lambda *told: None) == ([], [], empty)


def test_a_long_line_is_quoted_in_short():
    bad = []
    parse_labels("0 " * 10**5, Path("a.txt"), 1, lambda name, reason: bad.append(reason))
    assert len(bad) == 1 and len(bad[0]) < 200
