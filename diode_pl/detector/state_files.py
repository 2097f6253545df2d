"""State dicts in files, and what the files say of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_finite, require_same_kinds
from diode_pl.io.quoting import quote, shorten
from diode_pl.io.tensor_files import load_tensors
from diode_pl.io.tensor_kinds import describe_odd_storage
from diode_pl.io.weights_metadata import read_safetensors_metadata
from diode_pl.provenance import GIVEN_WEIGHTS, Provenance

STATE_SUFFIXES = (".safetensors", ".pt", ".pth")
# What programs put before the name of every tensor.
_PREFIXES = {"module.": "DataParallel", "_orig_mod.": "torch.compile", "model.": "a module around the network"}


def load_state(module: nn.Module, path: str | Path, way_out: str = "") -> None:
    """Loads a .safetensors file or a saved state dict, converted to the dtypes of the module.

    Args:
        module: the weights are loaded into it.
        path: of the file.
        way_out: ends the message if the weights are another module's.

    Raises:
        ConfigError: if the file is damaged, holds more than tensors, or those of another module, or a number is not
            finite, or an integer where the module has none.
    """
    fill_module(module, read_state(path), path, way_out)


def fill_module(module: nn.Module, state: Mapping[str, Tensor], path: str | Path, way_out: str = "") -> None:
    """Loads a state dict that was read from a file; see :func:`load_state`."""
    try:
        module.load_state_dict(state)
    except RuntimeError:
        found = f"{path}: found another network's weights; expected this one's: {_describe_difference(module, state)}"
        stated = read_stored_architecture(path)
        found += f"; the file states the architecture of {stated['class']}" if stated else ""
        raise ConfigError(f"{found}; {way_out}" if way_out else found) from None
    require_same_kinds(module.state_dict(), state, path)
    require_finite(module.state_dict(), path)


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Reads a state dict.

    Raises:
        ConfigError: if the file is of another format, damaged, or holds more than a state dict.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (*STATE_SUFFIXES, ".ckpt"):
        raise unknown_suffix(path, STATE_SUFFIXES)
    if suffix == ".safetensors":
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise ConfigError(f"{path}: found a file that is damaged or no safetensors file ({error})") from error
    else:
        try:
            state = load_tensors(path)
        except ValueError as error:
            expected = "expected what torch.save(model.state_dict(), path) writes"
            expected += "; detector=ultralytics reads a file of that package" if " ultralytics." in str(error) else ""
            raise ConfigError(f"{error}; {expected}") from error
        if suffix == ".ckpt":
            raise ConfigError(
                f"{path}: found the checkpoint of a training run, which holds more than one network's weights; "
                "expected weights only: use the student.safetensors of that run"
            )
        if fault := _describe_other(state):
            raise ConfigError(f"{path}: {fault}")
    for prefix, writer in _PREFIXES.items():
        if state and all(name.startswith(prefix) for name in state):
            raise ConfigError(
                f"{path}: found names that all begin with {prefix!r}, as of {writer}; expected those of the network "
                f"inside: {shorten(next(iter(state)).removeprefix(prefix))}"
            )
    return state


def unknown_suffix(path: str | Path, known: tuple[str, ...]) -> ConfigError:
    """An error that says which suffixes of weights are known."""
    suffix = Path(path).suffix
    found = f"the suffix {suffix}, which is not known" if suffix else "no suffix"
    return ConfigError(f"{path}: found {found}; expected weights as {', '.join(known)}")


def read_provenance(path: str | Path, partial: bool = False) -> Provenance:
    """Reads the provenance of a weights file; if it has none, ``GIVEN_WEIGHTS``, or its name if loaded partially."""
    level = read_safetensors_metadata(path).get("data_access")
    if level is None:
        return Provenance.parse(f"weights from {Path(path).name}") if partial else GIVEN_WEIGHTS
    return Provenance.parse(level)


def read_stored_names(path: str | Path) -> list[str] | None:
    """Class names that a weights file states; None if it does not."""
    try:
        names = json.loads(read_safetensors_metadata(path).get("class_names", ""))
    except ValueError:  # of another program
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def read_stored_architecture(path: str | Path) -> dict[str, Any] | None:
    """The architecture that a weights file states, of which ``class`` is the detector's; None if it does not."""
    try:
        stated = json.loads(read_safetensors_metadata(path).get("architecture", ""))
    except ValueError:  # of another program
        return None
    return stated if isinstance(stated, dict) and "class" in stated else None


def _describe_difference(module: nn.Module, state: Mapping[str, Tensor]) -> str:
    """How many tensors of a state dict are not those of a module, and the first of them."""
    own, found = ({name: tuple(value.shape) for name, value in each.items()} for each in (module.state_dict(), state))
    # Files need not hold the counters of batch norm.
    every = [name for name in {**own, **found} if not name.endswith("num_batches_tracked")]
    differ = [name for name in every if own.get(name) != found.get(name)]
    if not differ:
        return "counters of batches differ"
    first, text = differ[0], "{} of {} tensors differ, the first is {}: found {}, expected {}"
    return text.format(len(differ), len(every), shorten(first), found.get(first, "none"), own.get(first, "none"))


def _describe_other(content: Any) -> str | None:
    """What was found instead of a state dict, and where inside of it there is one; None if it is one."""
    expected = f"found {type(content).__name__}; expected a dict of tensors, as of model.state_dict()"
    if not isinstance(content, Mapping):
        return expected
    if wrapped := [*_find_states(content)]:
        return f"{expected}, which is its entry {shorten(' or '.join(wrapped))}: save that alone"
    if keys := [key for key in content if not isinstance(key, str)]:
        return f"{expected}, got the key {quote(keys[0])}"
    if others := [key for key, value in content.items() if not isinstance(value, Tensor)]:
        return f"{expected}, got {type(content[others[0]]).__name__} as {quote(others[0])}"
    for key, value in content.items():
        if odd := describe_odd_storage(value):
            return f"{expected}, got {odd} as {quote(key)}"
    return None


def _find_states(content: Mapping[Any, Any], depth: int = 3) -> Iterator[str]:
    """Where in a dict there are state dicts; what optimizers keep has numbers for keys."""
    for key, value in content.items():
        if _is_state(value):
            yield quote(key)
        elif isinstance(value, Mapping) and depth > 1 and all(isinstance(each, str) for each in value):
            yield from (f"{inside} in {quote(key)}" for inside in _find_states(value, depth - 1))


def _is_state(value: Any) -> bool:
    """Whether an entry is a state dict; those of optimizers have numbers for keys."""
    named = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    return named and len(value) > 0 and all(isinstance(each, Tensor) for each in value.values())
