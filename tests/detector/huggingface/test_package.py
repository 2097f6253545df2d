"""What happens where the package is absent, or comes in."""

import sys
from pathlib import Path

import pytest

from diode_pl.detector import HuggingFace
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.package import load_package, silence
from tests.detector.huggingface.small_networks import need_package


def test_an_absent_package_is_named_in_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError) as error:
        HuggingFace(model="rtdetr_r18")
    assert "pip install 'diode_pl[transformers]'" in str(error.value) and "\n" not in str(error.value)


def test_an_old_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package()
    monkeypatch.setattr("transformers.__version__", "4.57.1")
    with pytest.raises(ConfigError, match=r"found the package transformers 4\.57\.1; expected 5\.\d+ or newer"):
        load_package()


def test_a_model_that_was_downloaded_before_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = need_package()
    assert package.find_folder("nobody/nothing") is None and package.find_folder("a/b/c") is None
    held = {("PekingU/rtdetr_r18vd", "config.json"): str(tmp_path / "config.json")}
    known = package._replace(find_cached=lambda *asked: held.get(asked))
    assert known.find_folder("PekingU/rtdetr_r18vd") == tmp_path and known.find_folder("PekingU/rtdetr") is None


def test_silence_ends() -> None:
    need_package()
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with silence():
        assert not logging.is_progress_bar_enabled() and logging.get_verbosity() == logging.CRITICAL
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
