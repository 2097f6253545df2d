"""Descriptions of networks in plain data: configurations of the package, as in a config.json."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.architectures import list_architectures

FAMILIES = ("rt_detr", "rt_detr_v2", "d_fine", "detr", "yolos")
"""Families of networks that are known, as the package calls them."""

# Where a configuration came from, what the package's own training does, and what asks for a download or for code.
_LEFT_OUT = (
    *("_name_or_path", "architectures", "auto_map", "dtype", "torch_dtype", "transformers_version", "label2id"),
    *("quantization_config", "use_pretrained_backbone", "num_labels", "_attn_implementation"),
)
_GAP = re.compile(r"n/?a|", re.IGNORECASE)  # COCO has 80 classes, with numbers up to 90
_WAY_OUT = (
    "expected a folder with config.json and model.safetensors, as save_pretrained() and `hf download NAME --local-dir "
    "DIR` write it (nothing is downloaded here), or for random weights one of {}"
)


class Classes(NamedTuple):
    """Classes of a network.

    Args:
        names: of the classes, in the order of our labels.
        columns: output of each; a network can have further ones that stand for no class.
    """

    names: list[str]
    columns: list[int]


def read_description(model: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Reads a network's configuration as plain data that can be stored as JSON.

    Denoising queries, which only the package's own training uses, are left out, and a backbone is never one that wants
    a download. Nothing in it names code to be run.

    Args:
        model: name of an architecture such as ``rtdetr_r18``; path of a ``config.json`` or of its folder; or its
            content.

    Raises:
        ConfigError: if there is no such file, or it describes no detector of a family that is known.
    """
    where = "model: the network" if isinstance(model, Mapping) else f"model: {model}"
    found = dict(model) if isinstance(model, Mapping) else _read(str(model))
    try:
        plain = json.loads(json.dumps(found))
        family = plain["model_type"]
    except (TypeError, ValueError, KeyError) as error:
        raise ConfigError(f"{where} is not a configuration of a network ({type(error).__name__}: {error})") from error
    if family not in FAMILIES:
        raise ConfigError(f"{where} is of the family {family!r}; expected one of {', '.join(FAMILIES)}")
    description = _clean(plain)
    if family in ("rt_detr", "rt_detr_v2", "d_fine"):
        description |= {"num_denoising": 0, "anchor_image_size": None}
    return description


def list_classes(description: Mapping[str, Any]) -> Classes:
    """The classes that a description states; outputs called N/A, the gaps of COCO's numbers, are none.

    Without names they are ``LABEL_0``, ``LABEL_1`` as in the package, two of them.
    """
    stated = description.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}
    ordered = sorted((int(number), str(name)) for number, name in stated.items())
    kept = [(number, name) for number, name in ordered if not _GAP.fullmatch(name.strip())]
    return Classes([name for _, name in kept], [number for number, _ in kept])


def with_classes(description: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A description for other class names, with the same outputs if there are as many classes."""
    columns = list_classes(description).columns
    stated = {str(number): name for number, name in (description.get("id2label") or {}).items()}
    if len(names) != len(columns):
        return {**description, "id2label": {str(number): name for number, name in enumerate(names)}}
    stated |= {str(column): name for column, name in zip(columns, names, strict=True)}
    return {**description, "id2label": stated}


def _read(model: str) -> dict[str, Any]:
    known = list_architectures()
    if model in known:
        return known[model]
    path = Path(model) / "config.json" if Path(model).is_dir() else Path(model)
    if path.suffix != ".json" or not path.is_file():
        lacks = f"{model} is a folder without config.json" if Path(model).is_dir() else f"{model} is not here"
        raise ConfigError(f"model: {lacks}; {_WAY_OUT.format(', '.join(known))}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"model: {path} is no JSON ({error})") from error
    return content if isinstance(content, dict) else {}


def _clean(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in _LEFT_OUT}
    backbone = kept.get("backbone_config")
    if isinstance(backbone, Mapping):
        left_out = (*_LEFT_OUT, "id2label")
        kept["backbone_config"] = {key: value for key, value in backbone.items() if key not in left_out}
    return kept
