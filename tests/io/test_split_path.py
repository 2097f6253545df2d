"""Paths of sets that come in parts."""

from pathlib import Path

import pytest

from diode_pl.io.split_path import resolve_path


def test_the_split_and_the_home_folder_are_filled_in_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert resolve_path("~/set/{split}/{0}", "val") == Path("/home/ann/set/val/{0}")
    assert resolve_path(Path("set"), None) == Path("set")


def test_a_split_that_is_not_given_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"split.*'set/\{split\}' needs one, got None"):
        resolve_path("set/{split}", None)
