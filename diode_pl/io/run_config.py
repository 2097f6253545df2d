"""Which settings a result depends on."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

# What may differ between two runs that fill the same folder with the same images, or with more of them. These
# repeat others: `inversion`, `task`, `overrides`, `callbacks.verifier.detector`, `trainer.callbacks`, `trainer.logger`.
FREE = {"output_dir", "num_images", "inversion", "task", "overrides", "logger"}
FREE |= {"callbacks.progress", "callbacks.loss_log", "callbacks.verifier.detector", "callbacks.image_log"}
FREE |= {"trainer.callbacks", "trainer.logger", "trainer.devices", "trainer.num_nodes", "trainer.start_method"}

# The same for a training: it may go on for more epochs, on other devices, past more bad images. The parts of
# `distillation`, `data`, `classification`, `crops` and `trainer` that are groups or keys of their own are listed: they
# repeat those, as all of `task` does.
FREE_IN_TRAINING = {"output_dir", "ckpt", "overrides", "logger", "callbacks.progress", "task"}
FREE_IN_TRAINING |= {
    f"distillation.{part}" for part in ("student", "teacher", "losses", "recipe", "data", "label_source", "log_every")
}
FREE_IN_TRAINING |= {
    f"classification.{part}" for part in ("classifier", "data", "recipe", "label_source", "teacher", "log_every")
}
FREE_IN_TRAINING |= {f"crops.{part}" for part in ("train", "batch_size", "seed", "workers", "cache_gib")}
FREE_IN_TRAINING |= {"distill.dicod.classifier.weights"}  # where the file lies; `distill_sha256` tells what it holds
FREE_IN_TRAINING |= {f"data.{part}" for part in ("train", "val", "tiling", "augmentations", "batch_size", "seed")}
FREE_IN_TRAINING |= {"data.workers", "data.cache_gib", "max_bad", "train.max_bad", "val.max_bad"}
FREE_IN_TRAINING |= {f"trainer.{part}" for part in ("callbacks", "logger", "max_epochs", "accelerator")}
FREE_IN_TRAINING |= {f"trainer.{part}" for part in ("devices", "num_nodes", "start_method")}

# How Hydra calls a class says nothing of the result. Nor does the name of a class of ours, which may move: its
# arguments tell options apart. Classes of other libraries may take the same arguments as one another.
_HYDRA_KEYS = {"_partial_", "_convert_", "_recursive_"}
_RENAMED = {"data_access": "provenance"}  # keys of folders that earlier versions made


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> list[tuple[str, Any, Any]]:
    """Keys on which two configurations differ, those left out that do not change the result.

    Arguments count, and classes of other libraries, but not where a class of ours lives: it may have moved.

    Args:
        old: nested plain data.
        new: likewise.
        free: dotted keys that are left out, with all below them.

    Returns:
        ``(dotted key, old value, new value)`` in the order of the keys; a missing value is None.
    """
    before, after = dict(_flatten(old, free)), dict(_flatten(new, free))
    return [(k, before.get(k), after.get(k)) for k in sorted(before | after) if before.get(k) != after.get(k)]


def refuse_different_config(
    folder: Path, holds: str, old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> None:
    """Lets nothing be mixed with what another configuration made.

    Args:
        folder: where both want to write.
        holds: what ``folder`` holds.
        old: the configuration that made it.
        new: that of this run.
        free: see :func:`differences`.

    Raises:
        ValueError: the two differ; names every key.
    """
    changed = differences(old, new, free)
    if changed:
        raise ValueError(
            f"folder: {folder} holds {holds} of another configuration. Different are"
            + "".join(f"\n  {key}: {before!r} there, {now!r} now" for key, before, now in changed)
            + "\nGo back to those values to continue it, or choose another folder."
        )


def _flatten(node: Any, free: Collection[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    if prefix in free:
        return
    if isinstance(node, Mapping | list) and node:
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for key, value in items:
            if key in _HYDRA_KEYS or (key == "_target_" and str(value).startswith("diode_pl.")):
                continue
            name = _RENAMED.get(str(key), str(key))
            yield from _flatten(value, free, f"{prefix}.{name}" if prefix else name)
    elif node not in ({}, []):
        yield prefix, node
