from pathlib import Path

import pytest

import diode_pl.assets
from diode_pl.assets import asset


def test_path_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.safetensors").write_bytes(b"b")
    (tmp_path / "a.safetensors").write_bytes(b"a")
    monkeypatch.setattr(diode_pl.assets, "__file__", str(tmp_path / "__init__.py"))
    assert asset("b.safetensors") == tmp_path / "b.safetensors"
    with pytest.raises(ValueError, match=r"diode_pl/assets holds no c; it holds a.safetensors, b.safetensors"):
        asset("c")


def test_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diode_pl.assets, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ValueError, match="it holds nothing"):
        asset("a.safetensors")


def test_folder_is_that_of_the_package() -> None:
    assert asset("__init__.py").read_text().startswith('"""Weights that come with the package')
