"""``student.weights=pretrained``: the weights that come with the chosen option; by default a student starts anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

_ROLES = ("student", "teacher", "verifier")


def fill_pretrained(config: DictConfig, choices: Mapping[str, str], folders: list[Path]) -> None:
    """Replaces the word ``pretrained`` by the weights in the file of the option, in place.

    Args:
        config: as composed.
        choices: the option chosen of each group, such as ``{"detector@student": "yolov3"}``.
        folders: those of the configuration, the first that has the file counts.

    Raises:
        ValueError: if the option has no weights.
    """
    for role in _ROLES:
        if OmegaConf.select(config, f"{role}.weights") == "pretrained":
            option = choices[f"detector@{role}"]
            found = _load_option(option, folders)
            if OmegaConf.is_missing(found, "weights") or found.get("weights") is None:
                raise ValueError(
                    f"{role}.weights=pretrained: detector@{role}={option} has no public weights; {role}.weights=FILE "
                    "takes those of a file"
                )
            config[role].weights = found.weights


def _load_option(option: str, folders: list[Path]) -> Any:
    """An option of the group of detectors, with the options that it extends."""
    paths = [folder / "detector" / f"{option}.yaml" for folder in folders]
    own = OmegaConf.load(next(path for path in paths if path.is_file()))
    assert isinstance(own, DictConfig)
    bases = [_load_option(base, folders) for base in own.pop("defaults", []) if base != "_self_"]
    return OmegaConf.merge(*bases, own)
