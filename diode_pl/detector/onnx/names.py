"""Class names in the metadata of ONNX files."""

import json

from onnx import ModelProto


def stored_names(model: ModelProto) -> list[str] | None:
    """Class names that a file states: a line each as PaddleOCR's, or a list as ours; None if it states none."""
    about = {entry.key: entry.value for entry in model.metadata_props}
    if lines := about.get("character"):
        return [line.strip() for line in lines.splitlines() if line.strip()]
    try:
        names = json.loads(about.get("class_names", ""))
    except ValueError:
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None
