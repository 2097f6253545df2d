"""Loading of a Darknet network's weights from a file of any known format."""

from collections.abc import Sequence
from pathlib import Path

from diode_pl.class_names import require_stored_names
from diode_pl.detector.base import Detector
from diode_pl.detector.darknet.builder import Layer
from diode_pl.detector.darknet.cfg import Section
from diode_pl.detector.darknet.transfer import read_other_classes
from diode_pl.detector.darknet.weights import load_darknet
from diode_pl.detector.finite_weights import require_finite
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES, load_fitting
from diode_pl.detector.state_files import (
    STATE_SUFFIXES,
    load_state,
    read_provenance,
    read_state,
    read_stored_names,
    unknown_suffix,
)
from diode_pl.provenance import Provenance

_SUFFIXES = (".weights", ".backup", ".conv.N")  # the last of networks that were cut after N layers


def load_weights(
    detector: Detector, sections: Sequence[Section], network: Sequence[Layer], path: Path, partial: bool | int
) -> Provenance:
    """Loads the weights of a :class:`Darknet`.

    Args:
        detector: of the modules of ``network``.
        sections, network: of :func:`build_layers`.
        path: of Darknet .weights or a state dict.
        partial: see :class:`Darknet`.

    Returns:
        Data that the weights were trained on.

    Raises:
        ConfigError: if the file is damaged, of another format or network, or a number is not finite.
        ValueError: if it states other names, unless ``partial``.
    """
    is_state = path.suffix.lower() in (*STATE_SUFFIXES, ".ckpt")  # the last for its error message
    if not (is_state or path.suffix.lower() in _SUFFIXES or path.suffix[1:].isdecimal()):
        raise unknown_suffix(path, _SUFFIXES + STATE_SUFFIXES)
    if partial:
        first = None if partial is True else partial
        state = read_state(path) if is_state else read_other_classes(sections, path, first)
        load_fitting(detector, state, path)
    elif is_state:
        load_state(detector, path, FOR_OTHER_CLASSES)
        require_stored_names(detector.class_names, read_stored_names(path), path)
    else:
        load_darknet(network, path)
    require_finite(detector.state_dict(), path)
    return read_provenance(path, partial=bool(partial))
