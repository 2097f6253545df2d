"""What a .safetensors file of weights states about them; importing this does not import torch."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open


def read_safetensors_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a .safetensors file; empty for other files.

    Raises:
        OSError: if the file cannot be read.
        SafetensorError: if it is damaged.
    """
    if Path(path).suffix.lower() != ".safetensors":
        return {}
    with safe_open(path, framework="numpy") as content:
        return content.metadata() or {}


def read_resolution(path: str | Path) -> int | None:
    """Height and width in pixels that weights were trained at; None if their file does not say."""
    return parse_resolution(read_safetensors_metadata(path))


def parse_resolution(metadata: Mapping[str, str]) -> int | None:
    """The resolution that metadata of weights state; None if they do not."""
    stated = metadata.get("resolution", "")
    return int(stated) if stated.isdecimal() and len(stated) < 10 else None  # Python refuses thousands of digits
