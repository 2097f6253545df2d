"""Errors of whole runs: the key that was typed appears, for the right one of several like objects."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import synthesize
import train
from diode_pl.cli.run import log_any_name

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = {"synthesize": synthesize, "train": train}
Fails = Callable[..., str]


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchecked: None) -> Iterator[Fails]:
    """Runs an entry point in this process; returns what it says when it ends."""
    handlers, level = logging.root.handlers[:], logging.root.level

    def run(name: str, *overrides: str) -> str:
        # An imported script does not find its configuration by itself.
        command = [f"{name}.py", f"--config-path={ROOT / 'conf'}", f"output_dir={tmp_path / 'run'}"]
        monkeypatch.setattr(sys, "argv", [*command, *overrides])
        with pytest.raises(SystemExit) as error:
            ENTRY_POINTS[name].main()
        return str(error.value)

    yield run
    logging.root.handlers[:], logging.root.level = handlers, level


NOISE = ("data@train=noise", "data@val=none")


@pytest.mark.parametrize(
    ("name", "overrides", "said"),
    [
        ("synthesize", ["teacher.weights=absent.weights"], "error: teacher.weights: "),
        ("synthesize", ["verifier.weights=absent.weights"], "error: verifier.weights: "),
        (
            "synthesize",
            ["schedule.stages.0.resolution=33"],
            "error: schedule.stages.0.resolution must be a multiple",
        ),
        (
            "synthesize",
            ["losses.detection.weight=-1"],
            "error: losses.detection.weight must be finite and >= 0, got -1",
        ),
        ("synthesize", ["losses.batch_norm.form=other"], "error: losses.batch_norm.form must be one of"),
        ("synthesize", ["augmentations.cutout.probability=2"], "error: augmentations.cutout.probability"),
        ("synthesize", ["sampler.size=[2,3]"], "error: sampler.size must be an increasing range"),
        (
            "synthesize",
            ["sampler.classes=[unicorn]", "budget=0.001"],
            "error: sampler.classes: the teacher was not",
        ),
        ("synthesize", ["sampler=scene", "sampler.count=[0,3]"], "error: sampler.count must be an increasing range"),
        (
            "synthesize",
            ["sampler=scene", "sampler.extents.fallback.size=[0,1]"],
            "error: sampler.extents.fallback.size must be an increasing range",
        ),
        ("synthesize", ["batch_size=0"], "error: batch_size must be"),
        ("synthesize", ["trainer.devices=0"], "error: trainer.devices and trainer.num_nodes must be"),
        ("synthesize", ["detector@teacher=none"], "detector@teacher=NAME chooses teacher, now none"),
        ("train", [*NOISE, "teacher.weights=absent.weights"], "error: teacher.weights: "),
        ("train", [*NOISE, "student.weights=absent.weights"], "error: student.weights: "),
        ("train", ["train.root=absent"], "error: train.root: "),
        ("train", ["data@train=noise", "data@val=yolo", "val.root=absent"], "error: val.root: "),
        ("train", [*NOISE, "resolution=0"], "error: resolution must be >= 1, got 0"),
        ("train", [*NOISE, "train.resolution=0"], "error: train.resolution must be >= 1, got 0"),
        ("train", [*NOISE, "train.size=0"], "error: train.size and train.seed must be"),
        ("train", [*NOISE, "distill.mimic.weight=-1"], "error: distill.mimic.weight must be"),
        ("train", [*NOISE, "detector@student=none"], "detector@student=NAME chooses student, now none"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_the_key_that_was_typed_appears(name: str, overrides: list[str], said: str, fails: Fails) -> None:
    message = fails(name, *overrides)
    assert message.startswith("error: ") and said in message


def test_a_failed_job_of_a_sweep_is_one_line_that_names_it(
    tmp_path: Path, fails: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails("train", *NOISE, "seed=many,-1", f"hydra.sweep.dir={tmp_path}", "-m") == "1"
    said = capsys.readouterr().err.splitlines()  # and nothing else, such as what Hydra says
    assert [line[:13] for line in said] == ["error: job 0 ", "error: job 1 "]
    assert said[0].endswith("seed must be an integer from 0 to 4294967295, got 'many'")
    assert "seed=-1" in said[1] and said[1].endswith("got -1")


def test_errors_of_hydra_come_the_same_way(fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails("train", "seeds=1") == "error: seeds: no such key; did you mean seed?; --cfg job prints all of them"
    assert fails("train", "detector@teacher=yolov4").startswith("error: detector@teacher=yolov4: no such option; ")
    assert fails("train", *NOISE, "resolution=${foo}").startswith(
        "error: resolution: Interpolation key 'foo' not found"
    )
    assert "Traceback" not in capsys.readouterr().err


SWALLOWED = """
import os, signal, sys, time
from diode_pl.cli import entry_points, run

def library(settings):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
    except BaseException:
        raise TypeError("could not determine the shape")  # as torch does, of what a signal interrupted

run.refuse_wrong = library
entry_points.synthesize()
"""


def test_sigterm_is_no_error_whatever_a_library_makes_of_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", SWALLOWED, f"output_dir={tmp_path}"]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert (ended.returncode, ended.stderr) == (143, "")


def test_logs_show_names_that_are_not_in_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.FileHandler(tmp_path / "train.log", encoding="utf-8")
    monkeypatch.setattr(logging.root, "handlers", [handler])  # without pytest's own, which cannot pass such names on
    log_any_name()
    logging.getLogger("diode_pl").warning("skipped %s and %s", os.fsdecode(b"caf\xe9.png"), "größe.png")
    handler.close()
    assert (tmp_path / "train.log").read_text("utf-8") == "skipped caf\\udce9.png and größe.png\n"
    assert "Traceback" not in capsys.readouterr().err
