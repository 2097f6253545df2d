"""Refusal of weights that compute nothing, or something else."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.io.tensor_kinds import describe_broken, describe_other_kind


def require_finite(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Checks that numbers are finite and variances of batch norm not negative.

    Args:
        state: state dict of a network, after its weights were loaded.
        path: of their file, for the message.

    Raises:
        ConfigError: if one is not; the message names its tensor.

    Example:
        >>> import torch
        >>> require_finite({"norm.running_var": torch.tensor([0.5, 1.0])}, "my.pt")
    """
    if found := describe_broken(state):
        raise ConfigError(f"{path}: found {found}; expected a trained network: is the file damaged?")


def require_same_kinds(own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: str | Path) -> None:
    """Checks that a state dict has numbers of the kinds that a network computes with, in any precision.

    Args:
        own: state dict of the network.
        state: from the file.
        path: of the file, for the message.

    Raises:
        ConfigError: if a tensor has another kind, such as the integers of a quantized network; the message names it.
    """
    if found := describe_other_kind(own, state):
        raise ConfigError(f"{path}: found {found}")
