"""Parts of a data set that text files name."""

import os
from pathlib import Path

import pytest

from diode_pl.data.readers.subset import select_listed, write_lists
from diode_pl.io.annotation import Annotation

IMAGES = [Path("/set/a/1.png"), Path("/set/a/2.png"), Path("/set/b/1.png")]
SAME_STEM = [Path("/set/c/3.v2.jpg"), Path("/set/c/4.jpg"), Path("/set/c/4.png")]


def select(tmp_path: Path, text: str | bytes) -> list[Path]:
    path = tmp_path / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [each.path for each in select_listed([Annotation.from_objects(image, []) for image in IMAGES], path)]


@pytest.mark.parametrize(
    "text", ["b/1.png\n2.png\n", "\ufeff2.png\r\n\r\n./b/1.png", "/set/b/1.png\n 2.png \n2.png", "b\\1.png\n.\\2.png"]
)
def test_keeps_the_listed_images_in_the_order_of_the_data_set(tmp_path, text):
    assert select(tmp_path, text) == IMAGES[1:]


def test_names_may_lack_the_suffix(tmp_path):
    assert select(tmp_path, "2\nb/1\n") == IMAGES[1:]
    annotations = [Annotation.from_objects(image, []) for image in SAME_STEM]
    path = tmp_path / "list.txt"
    path.write_text("3.v2\n4.png\n")
    assert [each.path for each in select_listed(annotations, path)] == [SAME_STEM[0], SAME_STEM[2]]
    path.write_text("c/4\n")
    with pytest.raises(ValueError, match="names c/4: 2 images end so; write more of the folders, and the suffix in"):
        select_listed(annotations, path)


def test_an_image_that_annotations_name_twice_is_one(tmp_path):
    twice = [Annotation.from_objects(IMAGES[1], [])] * 2
    (tmp_path / "list.txt").write_text("2.png")
    assert select_listed(twice, tmp_path / "list.txt") == twice


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1.png", "names 1.png: 2 images end so; write more of the folders"),
        ("2.png\n3.png", "names 3.png: no such image"),
        ("1", "names 1: 2 images end so"),
        ("a/3", "names a/3: no such image"),
        ("2.jpg", "names 2.jpg: no such image"),
        (" \n", "names no image"),
        (b"\xff\xfe2", "cannot be read"),
    ],
)
def test_refuses_a_list_that_does_not_fit(tmp_path, text, match):
    with pytest.raises(ValueError, match=f"subset: .*list.txt {match}"):
        select(tmp_path, text)


def test_refuses_a_missing_list(tmp_path):
    with pytest.raises(ValueError, match="subset: .*none.txt cannot be read"):
        select_listed([], tmp_path / "none.txt")


def test_written_lists_select_what_was_written(tmp_path):
    lists = {tmp_path / "train.txt": {IMAGES[2], IMAGES[1]}, tmp_path / "held_out.txt": IMAGES[:1]}
    write_lists(lists)
    assert (tmp_path / "train.txt").read_text() == "a/2.png\nb/1.png\n"
    for path, images in lists.items():
        assert select(tmp_path, path.read_text()) == sorted(images)


def test_writes_nothing_without_images(tmp_path):
    write_lists({tmp_path / "train.txt": [], tmp_path / "held_out.txt": []})
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_not_in_utf_8_is_named(tmp_path):
    images = [tmp_path / "a.png", tmp_path / os.fsdecode(b"caf\xe9.png")]
    with pytest.raises(ValueError, match=r"the image caf.\.png is not in UTF-8, so that b\.txt cannot list it; rename"):
        write_lists({tmp_path / "a.txt": images[:1], tmp_path / "b.txt": images})
    assert not list(tmp_path.iterdir())
