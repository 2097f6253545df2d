"""Errors of the library, in the words of the command line."""

import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hydra.errors import ConfigCompositionException, InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from diode_pl.cli.errors import (
    describe_error,
    describe_hydra_error,
    one_line_errors,
    shows_tracebacks,
    typed_key,
)
from diode_pl.cli.sweep_errors import JobError, identify_terminal

CONFIG: dict[str, Any] = {
    "output_dir": "runs",
    "resolution": 160,
    "teacher": {"_target_": "diode_pl.detector.Darknet", "cfg": "a.cfg", "weights": "names.pt", "names": "a.names"},
    "student": {"_target_": "diode_pl.detector.Darknet", "cfg": "b.cfg", "weights": None, "names": "b.names"},
    "val": {"_target_": "diode_pl.data.readers.Coco", "root": "images", "resolution": "${resolution}"},
    "losses": {"mimic": {"_target_": "diode_pl.distillation.losses.Mimic", "weight": 1.0}},
    "schedule": {"stages": [{"resolution": 96}, {"resolution": 160}]},
    "trainer": {"devices": 1, "num_nodes": 1},
    "work": {"teacher": "${teacher}", "student": "${student}", "losses": "${losses}", "stages": "${schedule.stages}"},
    "task": {"work": "${work}", "val": "${val}", "trainer": "${trainer}"},
}
CHOICES = {"detector@teacher": "darknet", "detector@student": "yolov3", "data@val": "coco", "losses": "mimic"}


def raised(key: str, text: str) -> Exception:
    """As Hydra raises what a constructor did."""
    error = InstantiationException(f"Error in call to target 'x':\nValueError({text!r})\nfull_key: {key}")
    error.__cause__ = ValueError(text)
    return error


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("task.work.teacher", "teacher"),
        ("task.work.teacher.weights", "teacher.weights"),
        ("task.val.resolution", "resolution"),
        ("task.work.stages[1].resolution", "schedule.stages.1.resolution"),
        ("work", "work"),
    ],
)
def test_the_key_that_was_typed_is_found_through_interpolations(key: str, typed: str) -> None:
    assert typed_key(key, CONFIG) == typed


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("task.work.teacher", "weights: no such file", "teacher.weights: no such file"),
        ("task.work.student", "weights: no such file", "student.weights: no such file"),
        ("task.work.losses.mimic", "Mimic: weight must be >= 0", "losses.mimic.weight must be >= 0"),
        ("task.val", "resolution must be >= 1, got 0", "resolution must be >= 1, got 0"),
        ("task.work", "stages[1].resolution: 33 px", "schedule.stages.1.resolution: 33 px"),
        ("task.work.stages1", "resolution must be > 0", "schedule.stages.1.resolution must be > 0"),
        ("task.trainer", "devices and num_nodes must be >= 1", "trainer.devices and trainer.num_nodes must be >= 1"),
        # A file of that name is no argument.
        (
            "task.work.teacher",
            "names.pt: damaged",
            "teacher: names.pt: damaged\n  detector@teacher=NAME chooses teacher, now darknet",
        ),
        (
            "task.work",
            "student: expected a detector, got None",
            "student: expected a detector, got null\n  detector@student=NAME chooses student, now yolov3",
        ),
        (
            "task.work.losses.mimic",
            "nothing is left to learn",
            "losses.mimic: nothing is left to learn\n  losses.mimic=null leaves it out",
        ),
    ],
)
def test_an_error_of_a_constructor_names_the_key(key: str, text: str, said: str) -> None:
    assert describe_error(raised(key, text), CONFIG, CHOICES) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "val: none of its classes is the student's",
            "val: none of its classes is the student's\n  data@val=NAME chooses val, now coco",
        ),
        (
            "val: it has no cat; val=None for no scores",
            "val: it has no cat; data@val=none for no scores\n  data@val=NAME chooses val, now coco",
        ),
        ("the AP50 is 0; pass val=None, not interval=None", "the AP50 is 0; pass data@val=none, not interval=null"),
        ("folder: runs holds another run", "output_dir: runs holds another run"),
        ("steps must be >= 1 or None, got 0", "steps must be >= 1 or null, got 0"),
        ("take source=sampled and agreement=False", "take source=sampled and agreement=false"),
        ("devices must be 2", "trainer.devices must be 2"),
        ("teacher.weights: they are random", "teacher.weights: they are random"),
        ("Mimic: weight must be >= 0", "losses.mimic.weight must be >= 0"),
        (
            "student and losses: heads differ",
            "student and losses: heads differ\n  detector@student=NAME chooses student, now yolov3\n"
            "  losses=NAME chooses losses, now mimic",
        ),
        # Two arguments of that name: nobody knows which.
        ("weights: no such file", "weights: no such file"),
        ("the teacher has no class: none at all", "the teacher has no class: none at all"),
        ("/runs/a.json: damaged", "/runs/a.json: damaged"),
    ],
)
def test_a_later_error_names_the_key_if_only_one_sets_the_argument(text: str, said: str) -> None:
    assert describe_error(ValueError(text), CONFIG, CHOICES) == said


def test_errors_of_hydra_are_one_line() -> None:
    options = "\n".join(f"\t{name}" for name in ("darknet", "yolov3"))
    text = f"In 'train': Could not find 'detector/yolov4'\n\nAvailable options in 'detector':\n{options}"
    error = ConfigCompositionException(f"{text}\nConfig search path:\n\tpath")
    said = describe_hydra_error(error, ["seed=1", "detector@teacher=yolov4"])
    assert said == "detector@teacher=yolov4: no such option; did you mean yolov3?; there are darknet, yolov3"
    with pytest.raises(ConfigAttributeError) as error:
        OmegaConf.update(
            OmegaConf.create({"trainer": {"max_epochs": 1}}, flags={"struct": True}), "trainer.max_epoch", 2
        )
    outer = ConfigCompositionException("Could not override 'trainer.max_epoch'.\nTo append ...")
    outer.__cause__ = error.value
    assert describe_hydra_error(outer, []).startswith(
        "trainer.max_epoch: no such key; did you mean trainer.max_epochs?"
    )
    assert describe_hydra_error(ValueError("a\n  b\n\nConfig search path:\n c"), []) == "a; b"
    assert len(describe_hydra_error(ValueError("x" * 10**6), [])) <= 1500


def test_errors_end_the_program_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    here = pickle.loads(pickle.dumps(JobError("said", identify_terminal())))  # as from a process of this machine
    elsewhere = JobError("said", (0, 0))  # as from a job of a cluster, whose terminal nobody sees
    cases = ((ValueError("no"), "error: no"), (here, 1), (elsewhere, "error: said"), (KeyboardInterrupt(), 130))
    for raised, code in cases:
        with pytest.raises(SystemExit) as error, one_line_errors():
            assert os.environ["HYDRA_FULL_ERROR"] == "1" and not shows_tracebacks()
            started = "from diode_pl.cli.errors import shows_tracebacks; assert not shows_tracebacks()"
            subprocess.run([sys.executable, "-c", started], check=True)
            raise raised
        assert error.value.code == code and "HYDRA_FULL_ERROR" not in os.environ
    assert capsys.readouterr().err.startswith("stopped by the keyboard")
    with pytest.raises(SystemExit) as error, one_line_errors():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)  # as Lightning does
    assert error.value.code == 130 and capsys.readouterr().err == ""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="no"), one_line_errors():
        assert shows_tracebacks()
        raise ValueError("no")


def test_messages_are_bounded_and_name_the_kind_of_a_bare_error() -> None:
    assert len(describe_error(ValueError("x" * 10**6), CONFIG, {})) <= 1500
    assert describe_error(KeyError("a"), CONFIG, {}) == "KeyError: 'a'"


def test_hydra_says_where_it_was() -> None:
    config = OmegaConf.create({"wing": {"teacher": "${teacher}"}, "teacher": {"_target_": "builtins.int", "x": "a"}})
    written = OmegaConf.to_container(config, resolve=False)
    with pytest.raises(InstantiationException) as error:
        instantiate(config.wing)
    assert describe_error(error.value, written, {}).startswith("teacher: ")
