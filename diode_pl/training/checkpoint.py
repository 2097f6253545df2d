"""Reading of training checkpoints."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diode_pl.class_names import require_stored_names
from diode_pl.detector import Detector
from diode_pl.detector.finite_weights import require_finite
from diode_pl.io.tensor_files import load_tensors
from diode_pl.io.text_files import describe_no_file
from diode_pl.io.weights_metadata import parse_resolution


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at the end of an epoch.

    Args:
        path: path of the file.
        content: Lightning's checkpoint dictionary, tensors on the CPU.
        part: key of the module's own entry in ``content``, such as ``distillation``.

    Example:
        >>> content = {"state_dict": {"student.weight": torch.ones(2)}, "distillation": {"history": [{"epoch": 0.0}]}}
        >>> Checkpoint(Path("student.ckpt"), content, part="distillation").weights_of("student")
        {'weight': tensor([1., 1.])}
    """

    path: Path
    content: Mapping[str, Any]
    part: str

    @classmethod
    def read(cls, path: str | Path, part: str = "distillation") -> "Checkpoint":
        """Reads a checkpoint with ``weights_only=True``: tensors and plain data, no code.

        Raises:
            ValueError: if the file does not exist, is damaged, or is not a checkpoint of this ``part``.
        """
        if not Path(path).is_file():
            raise ValueError(f"ckpt: {describe_no_file(path)}")
        try:
            # Mapped: tensors that nobody looks at are not read.
            content = load_tensors(path, mmap=True)
            keys = f" with {', '.join(map(repr, [*content][:4]))}" if isinstance(content, dict) else ""
            found = f", found {type(content).__name__}{keys}"
        except ValueError as error:
            content, found = {}, f", {str(error).removeprefix(f'{path}: ')}"
        if not _is_checkpoint(content, part):
            raise ValueError(
                f"ckpt: {path} is not a checkpoint of a training, or is damaged{found}; expected the state of a "
                f"{part}. A detector's weights alone are given as weights of the student"
            )
        return cls(Path(path), content, part)

    @property
    def kept(self) -> Mapping[str, Any]:
        """The module's own entry: ``history``, scores and the like."""
        return self.content[self.part]

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.kept.get("history", ()))

    @property
    def seconds(self) -> float:
        """Seconds that the finished epochs took."""
        return sum(entry["seconds"] for entry in self.kept.get("history", ()))

    def weights_of(self, name: str) -> dict[str, torch.Tensor]:
        """Returns the state dict of one submodule, such as ``student``."""
        state, start = self.content["state_dict"], f"{name}."
        return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}

    def require_same_shapes(self, module: nn.Module, must: Mapping[str, tuple[str, str]]) -> None:
        """Raises a ValueError if tensors of a module differ from this state in name or shape.

        Args:
            module: would start from this state.
            must: prefix of the tensors to compare -> (owner, advice), both for the error message.
        """
        there, here = (
            {name: tuple(value.shape) for name, value in state.items()}
            for state in (self.content["state_dict"], module.state_dict())
        )
        names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
        for prefix, (owner, way_out) in must.items():
            if different := [name for name in names if name.startswith(prefix)]:
                raise ValueError(
                    f"ckpt: {self.path} is of another {owner}, {len(different)} tensors differ; {different[0]} is "
                    f"{there.get(different[0], 'not')} there and {here.get(different[0], 'not')} here. {way_out}"
                )

    def require_student(self, student: Detector) -> None:
        """Raises a ValueError if a number is not finite, or if the state is not one of ``student``.

        Class names and what no tensor holds, such as anchors, are compared where both state them.
        """
        require_finite(self.weights_of("student"), f"ckpt: {self.path}")
        stored = self.content.get("student", {})
        names = stored.get("class_names")
        require_stored_names(student.class_names, None if names is None else json.loads(names), self.path)
        there, here = (each.get("architecture") for each in (stored, student.weights_metadata()))
        if there is not None and here is not None and json.loads(there) != json.loads(here):
            raise ValueError(
                f"ckpt: {self.path} is of a student of the same layers but other settings, such as other anchors; the "
                "student must be the one that it was made with"
            )

    @property
    def resolution(self) -> int | None:
        """Height and width in pixels that the student was trained for; None if the file does not say."""
        return parse_resolution(self.content.get("student", {}))

    def restore(self, module: Any) -> None:
        """Loads weights and history into a module of the same architecture, and moves it to the CPU."""
        module.load_state_dict(self.content["state_dict"])
        module.on_load_checkpoint(dict(self.content))
        module.cpu()


def _is_checkpoint(content: Any, part: str) -> bool:
    if not isinstance(content, dict) or not {"state_dict", part} <= content.keys():
        return False
    state = content["state_dict"]
    named = isinstance(state, Mapping) and all(isinstance(name, str) for name in state)
    return named and all(isinstance(value, Tensor) for value in state.values())
