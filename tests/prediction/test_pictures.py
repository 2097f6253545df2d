import os
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.prediction.pictures import list_pictures, write_as_named


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "sub/frame_1.png", "notes.txt", "results/pictures/b.png"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "source"


def test_a_folder_with_its_subfolders_but_not_what_was_written_before(source: Path) -> None:
    found = list_pictures(source, source / "results")
    assert list(found) == ["a.JPG", "b.png", "sub/frame_1.png"]
    assert found["sub/frame_1.png"] == source / "sub" / "frame_1.png"


def test_one_file_of_any_name(source: Path) -> None:
    assert list_pictures(source / "notes.txt", source) == {"notes.txt": source / "notes.txt"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"source: .*pipe\.png is a pipe, a socket or a device; expected a picture"):
        list_pictures(tmp_path / "pipe.png", tmp_path / "results")


def test_what_webp_has_no_room_for_becomes_png(tmp_path: Path) -> None:
    write_as_named(tmp_path / "a.webp", Image.new("RGB", (16_384, 1)))
    with Image.open(tmp_path / "a.webp.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (16_384, 1))


def test_no_pictures(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for wrong, folder, said in (
        (tmp_path / "absent", tmp_path, "source: .*/absent does not exist"),
        (tmp_path / "empty", source, "source: .*/empty contains no image file"),
        (source, source, "source and folder must differ"),
        (source / "results", source, "has no pictures outside of"),
    ):
        with pytest.raises(ValueError, match=said):
            list_pictures(wrong, folder)


@pytest.mark.parametrize(
    ("name", "written", "format"),
    [
        ("new/a.jpg", "new/a.jpg", "JPEG"),
        ("a.PNG", "a.PNG", "PNG"),
        ("a.webp", "a.webp", "WEBP"),
        ("a.bmp", "a.bmp", "BMP"),
        ("a.tiff", "a.tiff.png", "PNG"),
        ("a", "a.png", "PNG"),
    ],
)
def test_pictures_keep_their_format(name: str, written: str, format: str, tmp_path: Path) -> None:
    write_as_named(tmp_path / name, Image.new("RGB", (5, 3), "red"))
    with Image.open(tmp_path / written) as picture:
        assert (picture.format, picture.size) == (format, (5, 3))
