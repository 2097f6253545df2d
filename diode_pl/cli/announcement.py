"""The first line of a run: what will be made, from what and where, before anything that takes time is imported."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from diode_pl.cli.run_card import tag_detectors

Values = Mapping[str, Any]  # the configuration as plain data, with interpolations resolved
Names = Mapping[str, str]  # what was chosen of each group, and of ``teacher``, ``student``, ``verifier`` the name


def announce(entry_point: str, choices: Mapping[str, str], config: DictConfig, settings: Values) -> str:
    """Says in one line what a command is about to make.

    Args:
        entry_point: such as ``train``.
        choices: the option chosen of each group.
        config: of the run.
        settings: the same as plain data, with interpolations resolved.

    Example:
        >>> from omegaconf import OmegaConf
        >>> settings = {"weights": "student.safetensors", "source": "pictures", "output_dir": "runs/found"}
        >>> announce("predict", {}, OmegaConf.create(), settings)
        'predict: what student.safetensors finds in pictures, into runs/found'
    """
    detectors = dict(tag.split("=", 1) for tag in tag_detectors(choices, config))
    verifier = choices.get("detector@verifier", "none")
    detectors |= {} if verifier == "none" else {"verifier": verifier}
    try:
        what = _SENTENCES[entry_point](settings, {**choices, **detectors})
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError):  # wrong values, not yet checked
        what = f"into {settings.get('output_dir')}"
    return f"{entry_point}: {what}"


def _of_synthesis(values: Values, names: Names) -> str:
    scored, folder = f", scored by {names['verifier']}" if "verifier" in names else "", values["output_dir"]
    if values.get("finish"):
        return f"the files on the whole set in {folder}{scored if 'verifier' in values['task'] else ''}"
    count, each = values["num_images"], values["batch_size"]
    stages = (values.get("schedule") or {}).get("stages") or [{}]
    made = sum(1 for _ in Path(folder, "batches").glob("*.json"))
    known = f", where {made} batches of {each} are" if made else ""
    sides = f"at {stages[-1]['resolution']} px " if "resolution" in stages[-1] else ""
    return f"{count} images {sides}from {names.get('teacher', 'a detector')}{scored}, into {folder}{known}"


def _of_training(values: Values, names: Names) -> str:
    folder, images = values["output_dir"], _images("train", values, names)
    if names.get("task") == "evaluate":
        measured = values.get("ckpt") or (values.get("student") or {}).get("weights") or names.get("student")
        return f"scores of {measured} on {_images('val', values, names)}, into {folder}"
    if names.get("task") == "tile":
        return f"{values['task'].get('count')} images tiled from {images}, into {folder}"
    minutes, epochs = values.get("budget_minutes"), values["trainer"].get("max_epochs")
    length = f"{epochs} epochs" if minutes is None else f"{minutes} minutes"
    goes_on = ", continued" if any(Path(folder).glob("*.ckpt")) else ""
    if names.get("task") == "classify":
        return f"a classifier ({names.get('classifier')}) of objects in {images}, {length}, into {folder}{goes_on}"
    teacher = f" from teacher {names['teacher']}" if "teacher" in names else ""
    what = f"a student ({names.get('student')}){teacher} on {images} at {values.get('resolution')} px"
    return f"{what}, {length}, into {folder}{goes_on}"


def _of_prediction(values: Values, names: Names) -> str:
    return f"what {values['weights']} finds in {values['source']}, into {values['output_dir']}"


def _of_export(values: Values, names: Names) -> str:
    place = values.get("output")
    return f"{values['weights']} as {values['format']}, {'beside it' if place is None else f'into {place}'}"


_SENTENCES: dict[str, Callable[[Values, Names], str]] = {
    "synthesize": _of_synthesis,
    "train": _of_training,
    "predict": _of_prediction,
    "export": _of_export,
}


def _images(role: str, values: Values, names: Names) -> str:
    """Where the images of a role lie, or which are drawn."""
    option, settings = names.get(f"data@{role}", "images"), values.get(role) or {}
    if sets := settings.get("sets"):
        places = [str(each.get("root") or name) for name, each in sets.items() if each is not None]
        return f"the images of {' and '.join(places)}"
    root = settings.get("root")
    return f"the images of {option}" if root is None else f"the images in {root} ({option})"
