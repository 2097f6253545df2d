"""The last line of a run."""

from pathlib import Path

import pytest

from diode_pl.detector.loading import load_detector
from diode_pl.report import log_closing, predict_words
from tests.tiny import TinyDetector


def said(caplog: pytest.LogCaptureFixture, folder: Path | str) -> str:
    caplog.set_level("INFO")
    log_closing(folder, "a.png", "it", "train.py", "distill=[a,b]", "train.root={}")
    return caplog.messages[-1]


def test_folders_are_named_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = "a.png shows it; next: python train.py 'distill=[a,b]' train.root="
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert said(caplog, tmp_path / "here" / "runs" / "a") == f"runs/a/{end}runs/a" == said(caplog, "runs/a")
    assert said(caplog, tmp_path / "there") == f"{tmp_path}/there/{end}{tmp_path}/there"


def test_words_are_quoted_for_the_shell(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, "my runs").endswith(" 'train.root=my runs'")
    assert said(caplog, "a/seed=0,b=1").endswith(""" 'train.root="a/seed=0,b=1"'""")


def test_the_command_that_predicts_names_what_a_weights_file_does_not_say() -> None:
    weights = ["weights=a.safetensors", "source=DIR"]
    assert predict_words(load_detector(width=0.1), "a.safetensors") == ["predict.py", *weights]
    own = ["--config-dir", "DIR", "detector=NAME"]
    assert predict_words(TinyDetector(), "a.safetensors") == ["predict.py", *own, *weights]
