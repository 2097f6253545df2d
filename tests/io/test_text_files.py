"""Text files are read as UTF-8, or refused with the byte that is not."""

import os
from pathlib import Path

import pytest

from diode_pl.io.text_files import describe_no_file, is_word, read_text

TEXT = "Größe\n図\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf_8_with_and_without_a_mark(encoding: str, end: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT.replace("\n", end).encode(encoding))
    assert read_text(file) == TEXT


@pytest.mark.parametrize(
    ("encoding", "place", "byte"),
    [("utf-16", 0, "ff"), ("utf-16-be", 0, "00"), ("utf-16-le", 1, "00"), ("utf-32", 0, "ff"), ("utf-32-le", 1, "00")],
)
def test_utf_16(encoding: str, place: int, byte: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("mug\n".encode(encoding))
    with pytest.raises(ValueError, match=rf"a.txt: byte {place} .* is 0x{byte}.* not UTF-8; save it as .*-f UTF-16 -t"):
        read_text(file)


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_latin_1(start: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(start.encode() + "mug\nGröße".encode("latin1"))
    place = len(start.encode()) + 6
    with pytest.raises(ValueError, match=rf"a.txt: byte {place} .* is 0xf6.* not UTF-8; save it as .*-f LATIN1 -t"):
        read_text(file)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert read_text(tmp_path / "a.txt") == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_devices_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    (tmp_path / "folder.txt").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(OSError, match="it is not a regular file, but a folder, a pipe, a socket or a device"):
            read_text(path)
    (tmp_path / "a.md").write_text("mug")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.md")
    assert read_text(tmp_path / "link.txt") == "mug"


def test_words() -> None:
    assert is_word(" a ") and is_word("图") and is_word("😀")
    assert not is_word("") and not is_word("\u00a0\t") and not is_word("a\udfff")


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_is_not_said_to_be_missing(tmp_path: Path, kind: str):
    path = tmp_path / "a"
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/dev/null")}[kind]()
    assert describe_no_file(path).endswith(" is not a file, but a folder, a pipe, a socket or a device")
    assert describe_no_file(tmp_path / "b") == f"{tmp_path / 'b'} does not exist"
