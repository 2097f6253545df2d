"""Precision of the numbers that a run computes with."""

import logging
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

log = logging.getLogger(__name__)

# What processors call their instructions for it. Those of AVX-512 pay on AMD's: of an Intel Xeon whose AMX a virtual
# machine hides, a pass of a small detector took 147 ms in bfloat16 and 106 in single precision.
_FAST, _FAST_UNLESS_INTEL = ("amx_bf16", "bf16"), "avx512_bf16"


def resolve_precision(precision: int | str, accelerator: str) -> int | str:
    """Decides on ``auto``: ``bf16-mixed`` where the device has fast instructions for bfloat16, else ``32-true``.

    Says so in the log, and warns of bfloat16 on a processor without instructions for it: some were seen to take 40
    times as long for a convolution in it.

    Args:
        precision: ``auto``, or one that Lightning knows.
        accelerator: ``cpu``, ``gpu`` or ``auto``.
    """
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not torch.accelerator.is_available())
    if precision != "auto":
        if "bf16" in str(precision) and on_cpu and torch.backends.cpu.get_cpu_capability() == "AVX2":
            log.warning(
                "trainer.precision=%s: this processor has no instructions for it and takes many times as long; "
                "trainer.precision=32-true is faster here",
                precision,
            )
        return precision
    fast = _cpu_is_faster_in_bfloat16() if on_cpu else torch.cuda.is_available() and torch.cuda.is_bf16_supported(False)
    if not fast:
        return "32-true"
    log.info("precision: bf16-mixed, which this device computes faster; trainer.precision=32-true is single precision")
    return "bf16-mixed"


def record_precision(settings: Mapping[str, Any], trainer: pl.Trainer) -> dict[str, Any]:
    """The configuration of a run with what ``auto`` became: another device would compute other numbers."""
    options = settings.get("trainer")
    if not isinstance(options, Mapping) or options.get("precision") != "auto":
        return dict(settings)
    return {**settings, "trainer": {**options, "precision": str(trainer.precision)}}


def _cpu_is_faster_in_bfloat16() -> bool:
    known = getattr(torch.cpu, "get_capabilities", None)  # of newer versions of torch
    capabilities: Mapping[str, Any] = {} if known is None else known()
    if any(capabilities.get(name) for name in _FAST):
        return True
    return bool(capabilities.get(_FAST_UNLESS_INTEL)) and "Intel" not in str(capabilities.get("cpu_name"))
