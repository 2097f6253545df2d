"""Construction of a student for the classes that it will learn."""

import inspect
import re
from collections.abc import Sequence
from functools import partial

from diode_pl.detector import Detector, DownloadError, HuggingFace, Onnx, Ultralytics, load_weights_file
from diode_pl.detector.huggingface.loading import brings_names

_NAMED = (load_weights_file, Onnx, Ultralytics)  # their weights come with class names


def build_student(
    student: Detector | partial[Detector], class_names: Sequence[str], teacher: Detector | None = None
) -> Detector:
    """Constructs a student, for ``class_names`` if it is given no others.

    Args:
        student: a factory, in which ``names=None`` stands for ``class_names``; a detector is returned as it is.
        class_names: those of the teacher, or else of the training images.
        teacher: for a factory that has an argument of this name.

    Raises:
        ValueError: if it cannot be constructed, or is not a detector; the message names the argument of the student.

    Example:
        >>> from diode_pl.detector import Darknet, yolov3_tiny
        >>> factory = partial(Darknet, cfg=partial(yolov3_tiny, width=0.1), weights=None, names=None)
        >>> build_student(factory, ["raccoon"]).class_names
        ('raccoon',)
    """
    built = _call(student, class_names, teacher) if isinstance(student, partial) else student
    if not isinstance(built, Detector):
        raise ValueError(f"student: expected a detector, got {built!r}")
    return built


def _call(factory: partial[Detector], class_names: Sequence[str], teacher: Detector | None) -> Detector | None:
    arguments, known = dict(factory.keywords), inspect.signature(factory.func).parameters
    if "teacher" in known:
        arguments["teacher"] = teacher
    weights, model = arguments.get("weights"), arguments.get("model")
    has_names = factory.func in _NAMED and weights is not None  # those in the file
    has_names |= factory.func is HuggingFace and brings_names(weights, model)
    has_names &= not arguments.get("partial")
    if arguments.get("names", ()) is None and not has_names:
        del arguments["names"]
        if "names" in known:  # a custom detector may call it otherwise
            arguments["names"] = list(class_names)
    try:
        return factory.func(*factory.args, **arguments)
    except (ValueError, DownloadError) as error:
        named = re.match(r"[a-z_]+(:|=| must )", str(error))
        raise ValueError(f"student{'.' if named else ': '}{error}") from error
