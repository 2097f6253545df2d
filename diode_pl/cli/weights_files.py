"""Weights files that say themselves which detector they belong to."""

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError

from diode_pl.cli.insertion import insert_overrides
from diode_pl.io.weights_metadata import read_safetensors_metadata

_ROLES = {"synthesize": ("teacher", "verifier"), "train": ("teacher", "student")}
# Groups and keys that say which student, and from where a teacher is known.
_STUDENT, _TEACHER = ("detector@student", "student"), ("detector@teacher", "teacher", "data@train", "train")


def choose_file_detectors(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Adds ``detector@ROLE=file`` where ``ROLE.weights`` is a file that holds its architecture.

    Not where the command line names the detector, or another key of it than its class names; nor for a student whose
    weights an experiment gives a meaning to. For ``task=evaluate`` a checkpoint in ``ckpt`` rebuilds the student, too;
    and without a word on teacher and training images there is no teacher.

    Args:
        overrides: the arguments of the command line.
        entry_point: its name.

    Returns:
        The arguments, with those that were added.

    Example:
        >>> choose_file_detectors(["teacher.weights=COCO_V1"], "train")
        ['teacher.weights=COCO_V1']
    """
    typed = dict(override.lstrip("+~").partition("=")[::2] for override in overrides)
    added = []
    if typed.get("task") == "evaluate":
        if typed.get("ckpt", "null") != "null" and not any(key.partition(".")[0] in _STUDENT for key in typed):
            added += ["detector@student=file", f"student.weights={typed['ckpt']}"]
        if not any(key.partition(".")[0] in _TEACHER for key in typed):
            added.append("detector@teacher=none")
    for role in _ROLES.get(entry_point, ()):
        keys = {key.removeprefix(f"{role}.") for key in typed if key.startswith(f"{role}.")}
        told = f"detector@{role}" in typed or (role == "student" and "experiment" in typed)
        if not told and keys <= {"weights", "names"} and _holds_architecture(typed.get(f"{role}.weights", "")):
            added.append(f"detector@{role}=file")
    return insert_overrides(overrides, added)


def _holds_architecture(typed: str) -> bool:
    path = Path(typed.strip("'\""))
    if not path.is_file():
        return False
    if path.suffix.lower() == ".ckpt":
        return True  # of a training, or refused with what to give instead
    try:
        return "architecture" in read_safetensors_metadata(path)
    except (OSError, SafetensorError):  # damaged: the detector says so
        return False
