"""Networks of the package, and files that it opens."""

import copy
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.package import Package

UNUSED = (".one2one_cv2.", ".one2one_cv3.", ".dfl.")
"""Parts of a head that a detector is built without: the second branch of end-to-end heads, and a constant."""


def build_network(package: Package, description: Mapping[str, Any], class_names: Sequence[str]) -> nn.Module:
    """Builds a network of the package with random weights, for any class names.

    Args:
        package: the installation.
        description: of :func:`read_description`.
        class_names: in the order of the labels.

    Raises:
        ConfigError: if the package cannot build it.
    """
    try:
        network: Any = package.network({**copy.deepcopy(dict(description)), "nc": len(class_names)}, verbose=False)
    except Exception as error:  # of whatever layer
        raise ConfigError(f"model: ultralytics {package.version} cannot build it: {error}") from error
    network.names, network.task, network.args = dict(enumerate(class_names)), "detect", package.settings
    return network


def open_head(network: Any) -> None:
    """Makes a network return the inputs of its head, a list of feature maps, from which a detector runs the head."""
    head = network.model[-1]
    head.dfl = nn.Identity()
    head.forward = list


def to_package_file(
    package: Package, description: Mapping[str, Any], class_names: Sequence[str], state: Mapping[str, Tensor]
) -> bytes:
    """Content of a .pt file that ``ultralytics.YOLO(path)`` opens; its network needs non-maximum suppression.

    Args:
        package: the installation.
        description: of :func:`read_description`.
        class_names: in the order of the labels.
        state: state dict of a network after :func:`open_head`.
    """
    with torch.random.fork_rng(devices=[]):
        network: Any = build_network(package, description, class_names).eval()
    network.load_state_dict(state, strict=False)
    network.args = settings = {"task": "detect", "model": "student.pt"}
    content = {"model": network, "train_args": settings, "epoch": -1, "version": package.version}
    torch.save(content, buffer := io.BytesIO())
    return buffer.getvalue()
