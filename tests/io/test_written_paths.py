"""Paths that text files name."""

import pytest

from diode_pl.io.written_paths import read_list, resolve_written


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a/1.png", "a/1.png"),
        ("a\\1.png", "a/1.png"),
        (".\\a\\1.png", "a/1.png"),
        ("..\\1.png", "../1.png"),
        ("1.png", "1.png"),
    ],
)
def test_backslashes_separate_folders(tmp_path, written, path):
    assert resolve_written(tmp_path, written) == tmp_path / path


def test_a_backslash_in_the_name_of_a_file_is_kept(tmp_path):
    (tmp_path / "a\\1.png").touch()
    assert resolve_written(tmp_path, "a\\1.png") == tmp_path / "a\\1.png"


def test_what_is_no_path_raises_nothing(tmp_path):
    for written in ("\\" + "x" * 10_000, "\\\0"):
        assert resolve_written(tmp_path, written)


def test_lines_of_a_list(tmp_path):
    # Two lists with marks, joined; one from Windows, one with a line separator that Python would split at.
    (tmp_path / "a.txt").write_bytes("\ufeffa.png\r\n\r\n b c.png \r\n\ufeffd\u2028e.png".encode())
    assert read_list(tmp_path / "a.txt") == ["a.png", "b c.png", "d\u2028e.png"]
    (tmp_path / "a.txt").write_bytes("größe.png".encode("latin1"))
    with pytest.raises(ValueError, match=r"a\.txt: byte 2 .*save it as UTF-8"):
        read_list(tmp_path / "a.txt")
