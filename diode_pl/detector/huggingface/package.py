"""The installed package transformers; nothing else imports it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from diode_pl.detector.darknet.cfg import ConfigError

_OLDEST = (5, 20)  # its backbones, outputs and criteria are those that this folder knows


class Package(NamedTuple):
    """What is used of the package.

    Args:
        make_config: builds a configuration from the name of its family and keys.
        from_config: builds a network with random weights from a configuration.
        from_folder: builds a network with the weights of a folder.
        matchers: Hungarian matchers of RT-DETR's families, built from a configuration, and of the others.
        find_cached: path of a file of a model in the cache of downloads; else something that is not a text.
        version: of the installation.
    """

    make_config: Callable[..., Any]
    from_config: Callable[..., nn.Module]
    from_folder: Callable[..., Any]
    matchers: tuple[Callable[..., nn.Module], Callable[..., nn.Module]]
    find_cached: Callable[[str, str], Any]
    version: str

    def find_folder(self, name: str) -> Path | None:
        """Folder of a model of the hub that was downloaded before; None if there is none. Nothing is downloaded."""
        try:
            found = self.find_cached(name, "config.json")
        except ValueError:  # no name of the hub
            return None
        return Path(found).parent if isinstance(found, str) else None


def load_package() -> Package:
    """Imports the package.

    Raises:
        ConfigError: if it is not installed, or too old.
    """
    way_out = "pip install 'diode_pl[transformers]' installs it (Apache-2.0)"
    try:
        from huggingface_hub import try_to_load_from_cache
        from transformers import AutoConfig, AutoModelForObjectDetection, __version__
        from transformers.loss.loss_for_object_detection import HungarianMatcher
        from transformers.loss.loss_rt_detr import RTDetrHungarianMatcher
    except ImportError as error:
        raise ConfigError(f"the package transformers cannot be imported ({error}); {way_out}") from error
    if tuple(int(part) for part in __version__.split(".")[:2]) < _OLDEST:
        expected = ".".join(map(str, _OLDEST))
        raise ConfigError(f"found the package transformers {__version__}; expected {expected} or newer: {way_out}")
    return Package(
        AutoConfig.for_model,
        AutoModelForObjectDetection.from_config,
        AutoModelForObjectDetection.from_pretrained,
        (RTDetrHungarianMatcher, HungarianMatcher),
        try_to_load_from_cache,
        __version__,
    )


@contextmanager
def silence() -> Iterator[None]:
    """Context without the package's progress bars and tables, which say what an error says here in a line."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
