"""Writing of a detector's weights."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from diode_pl.detector import Detector
from diode_pl.io.atomic import atomic_write
from diode_pl.io.safetensors import to_safetensors


def save_weights(
    detector: Detector, path: str | Path, metadata: Mapping[str, str] | None = None, dtype: torch.dtype | None = None
) -> None:
    """Writes the state dict of a detector as a .safetensors file, atomically.

    The file's metadata contain ``class_names`` (a JSON list), ``fingerprint``, that of the detector as loaded from the
    file, and the detector's own :meth:`~diode_pl.detector.Detector.weights_metadata`.

    Args:
        detector: is not modified.
        path: overwritten.
        metadata: further entries, such as scores.
        dtype: dtype of the stored floating point numbers, such as ``torch.float16``; None keeps it.

    Raises:
        ValueError: if a name in ``metadata`` is taken, or a number of the detector is not finite in ``dtype``.
    """
    # A copy is moved and rounded, so that the detector and its optimizer are not modified.
    stored = copy.deepcopy(detector).cpu().to(dtype)
    # Files need contiguous tensors that share no memory.
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in stored.state_dict().items()}
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name} is not finite as {value.dtype}, so that {path} would be of no use")
    ours = {"class_names": json.dumps(detector.class_names), "fingerprint": stored.float().fingerprint()}
    ours |= stored.weights_metadata()
    if taken := sorted(ours.keys() & (metadata or {}).keys()):
        raise ValueError(f"metadata: {', '.join(taken)} are written anyway; expected other names")
    atomic_write(Path(path), to_safetensors(state, {**(metadata or {}), **ours}))
