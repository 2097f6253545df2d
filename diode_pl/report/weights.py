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
    detector: Detector,
    path: str | Path,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes the state dict of a detector, and nothing else, as a .safetensors file: whole or not at all.

    The file's metadata hold ``class_names`` (a JSON list) and ``fingerprint``, that of the detector as it is loaded
    from the file; and the detector's own :meth:`~diode_pl.detector.Detector.weights_metadata`.

    Args:
        detector: stays as it is.
        path: is written over.
        metadata: further entries, such as scores.
        dtype: kind of the stored floating point numbers, for example ``torch.float16``; None stores them as they are.

    Raises:
        ValueError: ``metadata`` hold a name that is taken, or a number of the detector is not finite in ``dtype``.
    """
    # A copy: it is brought to the CPU, and rounded, without a trace on the detector or its optimizer.
    stored = copy.deepcopy(detector).cpu().to(dtype)
    # Files hold tensors that share no memory and lie in the usual order.
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in stored.state_dict().items()}
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name} is not finite as {value.dtype}, so that {path} would be of no use")
    ours = {"class_names": json.dumps(detector.class_names), "fingerprint": stored.float().fingerprint()}
    ours |= stored.weights_metadata()
    if taken := sorted(ours.keys() & (metadata or {}).keys()):
        raise ValueError(f"metadata: {', '.join(taken)} are written anyway; expected other names")
    atomic_write(Path(path), to_safetensors(state, {**(metadata or {}), **ours}))
