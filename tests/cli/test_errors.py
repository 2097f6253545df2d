"""Errors of the library, in the words of the command line."""

from typing import Any

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from diode_pl.cli.errors import describe_error, typed_key

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


def test_hydra_says_where_it_was() -> None:
    config = OmegaConf.create({"wing": {"teacher": "${teacher}"}, "teacher": {"_target_": "builtins.int", "x": "a"}})
    written = OmegaConf.to_container(config, resolve=False)
    with pytest.raises(InstantiationException) as error:
        instantiate(config.wing)
    assert describe_error(error.value, written, {}).startswith("teacher: ")
