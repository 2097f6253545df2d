"""The state of a batch of images between two iterations: what the next iteration depends on."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diode_pl.targets import Targets

if TYPE_CHECKING:
    from diode_pl.synthesis.module import Inversion


_OF_TARGETS = ("boxes", "labels", "image_index", "valid")


def capture_batch(module: "Inversion") -> dict[str, Any]:
    """Describes a batch as plain data and tensors, which later iterations change.

    Args:
        module: after an iteration, before the last one of a stage.
    """
    trainer = module.trainer
    assert module.images is not None
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    states = {callback.state_key: callback.state_dict() for callback in trainer.callbacks}  # type: ignore[attr-defined]
    return {
        "stage": module.stage_index,
        "iteration": module.iteration,
        "seconds": time.perf_counter() - module.started,
        "images": module.images.detach(),
        "optimizer": trainer.optimizers[0].state_dict(),
        "scheduler": module.scheduler.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
        "generator": module.generator.get_state(),
        "initial": _to_tensors(module.initial),
        "added": _to_tensors(module.added),
        "weighting": module.objective.weighting.state_dict(),
        "losses": {name: loss.state_dict() for name, loss in module.objective.active.items()},
        "callbacks": {key: state for key, state in states.items() if state},
    }


def restore_batch(module: "Inversion", state: Mapping[str, Any]) -> None:
    """Sets what :func:`capture_batch` described.

    Args:
        module: at the beginning of the stage, whose images and optimizer are there.
        state: with its tensors on any device.
    """
    trainer, scaler = module.trainer, getattr(module.trainer.precision_plugin, "scaler", None)
    trainer.optimizers[0].load_state_dict(state["optimizer"])
    module.scheduler.load_state_dict(state["scheduler"])
    if scaler is not None and state["scaler"] is not None:
        scaler.load_state_dict(state["scaler"])
    module.generator.set_state(state["generator"])
    module.initial = _to_targets(module.initial, state["initial"])
    module.added = _to_targets(module.added, state["added"])
    module.current_targets = module.targets
    module.objective.weighting.load_state_dict(state["weighting"])
    for name, loss in module.objective.active.items():
        loss.load_state_dict(state["losses"][name])
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if callback.state_key in state["callbacks"]:
            callback.load_state_dict(state["callbacks"][callback.state_key])
    module.iteration, module.started = state["iteration"], time.perf_counter() - state["seconds"]


def _to_tensors(targets: Targets) -> dict[str, Tensor]:
    return {name: getattr(targets, name) for name in _OF_TARGETS}


def _to_targets(like: Targets, tensors: Mapping[str, Tensor]) -> Targets:
    boxes, labels, index, valid = (tensors[name].to(like.boxes.device) for name in _OF_TARGETS)
    return replace(like, boxes=boxes, labels=labels, image_index=index, valid=valid)
