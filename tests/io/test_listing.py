import os
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.io.listing import group_by_stem, list_images


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(folder: Path, recursive: bool = True) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_images(folder, recursive)]


def test_pictures_of_every_format_sorted_and_nothing_else(tmp_path: Path) -> None:
    names = ["a.PNG", "b.tif", "c.JPEG", "d.jfif", "e.gif", "f.ppm", "g.tga", "h.jp2", "i.avif", "j.Bmp", "k.webp"]
    touch(tmp_path, *reversed(names), "notes.txt", "labels.xml", "film.mp4", "page.pdf", "no_suffix")
    assert listed(tmp_path) == names


def test_pictures_that_cannot_be_read_are_listed_to_be_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.heic", "b.CR2", "c.eps", "d.svg")
    (tmp_path / "e.png").symlink_to("absent.png")
    (tmp_path / "f.png").symlink_to("/dev/zero")
    assert listed(tmp_path) == ["a.heic", "b.CR2", "c.eps", "d.svg", "e.png", "f.png"]


def test_subfolders_if_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/c.png", "a/d/e.png", "f.png/g.png")
    assert listed(tmp_path) == ["a/c.png", "a/d/e.png", "b.png", "f.png/g.png"]
    assert listed(tmp_path, recursive=False) == ["b.png"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "._a.png", ".b.png", ".ipynb_checkpoints/a.png", "c/.d/e.png", "c/._f.jpg", "c/g.png")
    assert listed(tmp_path) == ["a.png", "c/g.png"]
    assert listed(tmp_path / ".ipynb_checkpoints") == ["a.png"], "named by the person"


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "a.png", "deep/b.png")
    touch(tmp_path / "set", "c.png")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "top").symlink_to(tmp_path / "set")
    assert listed(tmp_path / "set") == listed(tmp_path / "top") == ["c.png", "link/a.png", "link/deep/b.png"]


def test_links_in_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "set/a/b.png", "beside.png")
    (tmp_path / "set" / "a" / "up").symlink_to("..")
    (tmp_path / "set" / "self").symlink_to("self")
    (tmp_path / "set" / "out").symlink_to(tmp_path)  # leads to what is not of the set
    assert listed(tmp_path / "set") == ["a/b.png"]
    for one, other in (("x", "y"), ("y", "x")):
        touch(tmp_path, f"circle/{one}/{one}.png")
        (tmp_path / "circle" / one / "to").symlink_to(tmp_path / "circle" / other)
    assert listed(tmp_path / "circle") == ["x/x.png", "y/y.png"]


def test_a_folder_is_listed_once_by_its_own_path(tmp_path: Path) -> None:
    touch(tmp_path, "b/c/d.png")
    (tmp_path / "a").symlink_to(tmp_path / "b" / "c")
    assert listed(tmp_path) == ["b/c/d.png"]


def test_names_that_others_use_more_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "cloud.pcd").write_text("# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\n")
    (tmp_path / "run.fit").write_bytes(b"\x0e\x10\x43\x08\x78\x06\x09\x00.FIT")
    header = [b"SIMPLE  =                    T", b"BITPIX  =                    8", b"NAXIS   =                    2"]
    header += [b"NAXIS1  =                    2", b"NAXIS2  =                    2", b"END"]
    (tmp_path / "stars.fit").write_bytes(b"".join(line.ljust(80) for line in header).ljust(2880) + bytes(2880))
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert listed(tmp_path) == ["a.png", "stars.fit"]


def test_a_folder_that_may_not_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "a.png", "closed/b.png")
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert listed(tmp_path) == ["a.png"]
    assert "skipped the folder" in caplog.text and "closed" in caplog.text and "Permission denied" in caplog.text


def test_where_there_is_nothing_it_is_said_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent is not a folder"):
        list_images(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"contains no image file \(.*\) and no other file$"):
        list_images(tmp_path)
    touch(tmp_path, "a.txt", "b.txt", "LICENSE")
    with pytest.raises(ValueError, match=r"contains no image file \(.*\), only 2 .txt, 1 without suffix$"):
        list_images(tmp_path)


def test_pictures_by_stem_with_usual_formats_first(tmp_path):
    for name in ("a.tif", "a.PNG", "a.jpg", "a.heic", "b.c.webp", "c.heic", ".d.png", "e.txt", "f.pcd", "sub/g.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {stem: [path.name for path in paths] for stem, paths in group_by_stem(tmp_path).items()}
    assert found == {"a": ["a.jpg", "a.PNG", "a.tif", "a.heic"], "b.c": ["b.c.webp"], "c": ["c.heic"]}
