"""Reading of files of ``torch.save``."""

import re
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

from diode_pl.io.text_files import describe_no_file

_SHOWN = 40  # characters of a text that was given for weights


def load_tensors(path: str | Path, mmap: bool = False) -> Any:
    """Content of a file of ``torch.save`` that holds tensors and plain data; code in it is not run.

    Args:
        path: of the file.
        mmap: whether tensors are read only when they are used.

    Raises:
        ValueError: if it does not exist, holds anything else or is damaged; the message says what was found.
    """
    if not Path(path).is_file():
        raise ValueError(describe_no_file(path))
    try:
        # Warnings are about the format of files that are refused. torchvision's trainings keep their arguments in a
        # Namespace, which is plain data.
        with warnings.catch_warnings(), torch.serialization.safe_globals([Namespace]):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # bytes that are not such a file make the reader raise whatever they spell
        raise ValueError(f"{path}: found {_describe(Path(path), str(error))}") from error


def _describe(path: Path, reason: str) -> str:
    """What a file holds that cannot be loaded for a reason."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "an empty file"
    if objects := re.search(r"GLOBAL ([\w.]+)", reason):
        return f"a file that holds more than tensors, {objects[1]}, which would run its author's code when opened"
    if "TorchScript" in reason:
        return "a program of TorchScript"
    if re.fullmatch(rb"[\t\n\r -~]+", start):
        return f"text, {start[:_SHOWN].decode()!r}"
    return "a file that is damaged or not of torch.save"
