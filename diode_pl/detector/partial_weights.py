"""Weights of another detector, as far as they fit."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_same_kinds

log = logging.getLogger(__name__)

# Ends the messages about weights that do not fit.
FOR_OTHER_CLASSES = "for weights of other classes, partial=True takes what fits of them and draws the rest"


def load_fitting(module: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Copies the tensors that fit by name and shape, and logs in a line each how many fit and which stay as drawn.

    Args:
        module: a detector or its network, with random weights.
        state: a state dict, which may be that of another number of classes, or of a part.
        path: of its file, for the messages.

    Raises:
        ConfigError: if nothing fits, or what does has integers where the module has none.
    """
    own = {name: value.shape for name, value in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    # Others are passed on: torchvision's modules rename parameters of older versions.
    passed = {name: value for name, value in state.items() if name not in own or value.shape == own[name]}
    missing, _ = module.load_state_dict(passed, strict=False)
    require_same_kinds(module.state_dict(), {name: state[name] for name in own if name in passed}, path)
    drawn = [name for name in own if name in missing]
    if len(drawn) == len(own):
        raise ConfigError(f"weights: no tensor in {path} has the name and the shape of one of this detector's")
    log.info("%s: %d of %d tensors fit and are taken", path, len(own) - len(drawn), len(own))
    if drawn:
        log.info("%s: %d are drawn anew: %s", path, len(drawn), _shorten(drawn))


def _shorten(names: list[str], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
