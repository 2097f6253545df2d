"""The installed package ultralytics; nothing else imports it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn

from diode_pl.detector.darknet.cfg import ConfigError

_OLDEST = (8, 4)  # the first whose heads give boxes and scores by name
# Importing it looks for a network, and later calls download weights and install packages.
_OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}


class Package(NamedTuple):
    """What is used of the package.

    Args:
        layers: its layers by name, as its network descriptions spell them.
        network: builds a detection network from a description.
        loss: its criterion for detection; called with a network.
        settings: its default settings, the gains of the loss among them.
        read_description: reads a .yaml file of the package, or one of one's own.
        version: of the installation.
    """

    layers: dict[str, type[nn.Module]]
    network: Callable[..., nn.Module]
    loss: Callable[..., Any]
    settings: Any
    read_description: Callable[[str], dict[str, Any]]
    version: str


def load_package() -> Package:
    """Imports the package, which then neither downloads nor installs anything in this process.

    Raises:
        ConfigError: if it is not installed, or too old.
    """
    try:
        with nullcontext() if "ultralytics.utils.loss" in sys.modules else _quiet():
            from ultralytics import __version__ as version
            from ultralytics.nn import modules, tasks
            from ultralytics.utils import DEFAULT_CFG
            from ultralytics.utils.loss import v8DetectionLoss
    except ImportError as error:
        raise ConfigError(
            f"the package ultralytics cannot be imported ({error}); pip install 'ultralytics>={_version(_OLDEST)}' "
            "installs it, under its own license (AGPL-3.0, see README.md)"
        ) from error
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise ConfigError(
            f"found the package ultralytics {version}; expected {_version(_OLDEST)} or newer: "
            "pip install -U ultralytics"
        )
    layers = {name: each for name, each in vars(modules).items() if isinstance(each, type)}
    return Package(
        {name: each for name, each in layers.items() if issubclass(each, nn.Module)},
        tasks.DetectionModel,
        v8DetectionLoss,
        DEFAULT_CFG,
        tasks.yaml_model_load,
        version,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what the import changes in the process out of it: environment variables, how numbers are printed, and two
    functions of other libraries, of which that of Pillow would install a package to read a damaged picture."""
    before, functions = dict(os.environ), (Image.open, torch.save)
    os.environ.update(_OFFLINE)
    try:
        with np.printoptions():
            yield
    finally:
        Image.open, torch.save = functions
        os.environ.clear()
        os.environ.update(before)


def _version(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))
