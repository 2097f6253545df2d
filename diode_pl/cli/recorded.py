"""What files record: a synthetic set its teacher and resolution, weights the resolution that they were trained for."""

import json
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from safetensors import SafetensorError

from diode_pl.io.split_path import resolve_path
from diode_pl.io.weights_metadata import read_resolution

__all__ = ["load_recorded_rules", "load_recorded_teacher", "register_recorded"]


def load_recorded_teacher(root: str | Path | None, split: str | None = None, weights: str | Path | None = None) -> Any:
    """Constructs the detector that the images of a synthetic set were made from.

    Args:
        root: the set, an output folder of ``synthesize.py``; None, as for generated images, gives the detector for the
            embedded data set.
        split: filled in where ``root`` contains ``{split}``.
        weights: path of the weights file, where it is no longer at the recorded place.

    Raises:
        ValueError: if the folder does not record a teacher, or that cannot be constructed.
    """
    from diode_pl.detector.loading import load_detector  # here: --help does not wait for torch

    if root is None:
        return load_detector(weights=weights or "embedded")
    folder, record = _read_record(root, split)
    if not Path(folder).exists():
        raise ValueError(f"train.root: {Path(folder).resolve()} does not exist")
    teacher = record.get("teacher", {}).get("config")
    if not teacher:
        raise ValueError(
            f"train.root: {folder} does not record which detector its images were made from, as a finished set of "
            "synthesize.py does. detector@teacher=NAME chooses one; detector@teacher=none distill=detection needs none"
        )
    if weights is not None:
        teacher["weights"] = str(weights)
    try:
        return instantiate(teacher, _convert_="object")
    except Exception as error:
        reason = str(error.__cause__ or error)
        raise ValueError(
            f"teacher: the one that {folder} records cannot be loaded: {reason}. teacher.weights=FILE says where "
            "its weights are now, detector@teacher=NAME chooses another detector"
        ) from error


def load_recorded_rules(folder: str | Path) -> Any:
    """Constructs the rules by which the images of a set were accepted; none if its ``plan.json`` does not say."""
    try:
        recorded = json.loads((Path(folder) / "plan.json").read_text(encoding="utf-8"))["configuration"]["accept"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return instantiate(recorded, _convert_="object") if isinstance(recorded, dict) else {}


def register_recorded() -> None:
    """Defines what the config asks files for.

    ``${recorded_resolution:DEFAULT}`` is the resolution of the images in ``train.root``, if it records one;
    ``${recorded_set:KEY}`` the ``root`` or ``split`` of ``train``. Of a union they are of the first synthetic set.
    ``${teacher_resolution:DEFAULT}`` is the resolution that the file ``teacher.weights`` was trained for, if it is a
    .safetensors file that states one.
    """

    def resolve(default: int, *, _root_: DictConfig) -> int:
        root, split = _select_set(_root_)
        return default if root is None else int(_read_record(root, split)[1].get("resolution", default))

    def select(key: str, *, _root_: DictConfig) -> str | None:
        return dict(zip(("root", "split"), _select_set(_root_), strict=True))[key]

    def ask_teacher(default: int, *, _root_: DictConfig) -> int:
        return _stated_resolution(OmegaConf.select(_root_, "teacher.weights")) or default

    OmegaConf.register_new_resolver("recorded_resolution", resolve, replace=True)
    OmegaConf.register_new_resolver("teacher_resolution", ask_teacher, replace=True)
    OmegaConf.register_new_resolver("recorded_set", select, replace=True)


def read_recorded_teacher(config: DictConfig) -> dict[str, Any]:
    """The configuration of the detector that the training images were made from; empty if it is not recorded."""
    root, split = _select_set(config)
    record = {} if root is None else _read_record(root, split)[1]
    return (record.get("teacher") or {}).get("config") or {}


def _select_set(config: DictConfig) -> tuple[str | None, str | None]:
    """``root`` and ``split`` of the training images; of a union those of the first set that has a record."""
    sets = [each for each in (OmegaConf.select(config, "train.sets") or {}).values() if each is not None]
    places = [(each.get("root"), each.get("split")) for each in sets or [OmegaConf.select(config, "train") or {}]]
    found = [(root, split) for root, split in places if root is not None]
    recorded = (place for place in found if len(found) > 1 and _read_record(*place)[1])
    return next(recorded, found[0] if found else (None, None))


def _read_record(root: str | Path, split: str | None) -> tuple[Path, dict[str, Any]]:
    """The folder of a set and its ``dataset.json``, which is empty for other folders and for a damaged file."""
    folder = resolve_path(root, split)
    try:
        record = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = None
    return folder, record if isinstance(record, dict) else {}


def _stated_resolution(weights: Any) -> int | None:
    """The resolution that a file of weights states; None for one that cannot be read, of which loading it complains."""
    try:
        return read_resolution(weights) if isinstance(weights, str) else None
    except (OSError, SafetensorError):
        return None
