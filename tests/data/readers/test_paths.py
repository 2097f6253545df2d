"""Where the files of a data set lie."""

from pathlib import Path

import pytest

from diode_pl.data.readers.paths import require_folder, resolve_path


def test_the_split_and_the_home_folder_are_filled_in_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert resolve_path("~/set/{split}/{0}", "val") == Path("/home/ann/set/val/{0}")
    assert resolve_path(Path("set"), None) == Path("set")


def test_a_split_that_is_not_given_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"split.*'set/\{split\}' needs one, got null"):
        resolve_path("set/{split}", None)


def test_a_folder_that_is_not_there_is_named_with_what_it_should_hold(tmp_path: Path) -> None:
    assert require_folder(tmp_path, "root", "the images") == tmp_path
    with pytest.raises(ValueError, match=r"root.*absent is not a folder; expected that of the images"):
        require_folder(tmp_path / "absent", "root", "the images")
