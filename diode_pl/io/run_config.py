"""Comparison of the configurations of two runs."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

# Keys that may differ between two runs that write the same images, or more of them, to one folder. These
# repeat others: `inversion`, `task`, `overrides`, `callbacks.verifier.detector`, `trainer.callbacks`, `trainer.logger`.
FREE = {"output_dir", "num_images", "inversion", "task", "overrides", "logger"}
FREE |= {"callbacks.progress", "callbacks.loss_log", "callbacks.verifier.detector", "callbacks.image_log"}
FREE |= {"trainer.callbacks", "trainer.logger", "trainer.devices", "trainer.num_nodes", "trainer.start_method"}

# The same for a training, which may be resumed with more epochs, devices or bad images. Parts of `distillation`,
# `data`, `classification`, `crops` and `trainer` that repeat other groups or keys are listed, as is all of `task`.
FREE_IN_TRAINING = {"output_dir", "ckpt", "overrides", "logger", "callbacks.progress", "task"}
FREE_IN_TRAINING |= {
    f"distillation.{part}" for part in ("student", "teacher", "losses", "recipe", "data", "label_source", "log_every")
}
FREE_IN_TRAINING |= {
    f"classification.{part}" for part in ("classifier", "data", "recipe", "label_source", "teacher", "log_every")
}
FREE_IN_TRAINING |= {f"crops.{part}" for part in ("train", "batch_size", "seed", "workers", "cache_gib")}
FREE_IN_TRAINING |= {"distill.dicod.classifier.weights"}  # a path; `distill_sha256` identifies the content
FREE_IN_TRAINING |= {f"data.{part}" for part in ("train", "val", "tiling", "augmentations", "batch_size", "seed")}
FREE_IN_TRAINING |= {"data.workers", "data.cache_gib", "max_bad", "train.max_bad", "val.max_bad"}
FREE_IN_TRAINING |= {f"trainer.{part}" for part in ("callbacks", "logger", "max_epochs", "accelerator")}
FREE_IN_TRAINING |= {f"trainer.{part}" for part in ("devices", "num_nodes", "start_method")}

# The keys by which Hydra calls a class do not affect the result. Nor does the name of a class of this package, which
# may move; its arguments tell options apart. Classes of other libraries may share their arguments.
_HYDRA_KEYS = {"_partial_", "_convert_", "_recursive_"}
_RENAMED = {"data_access": "provenance"}  # in folders of earlier versions


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> list[tuple[str, Any, Any]]:
    """Compares two configurations, except for the module paths of this package's classes.

    Args:
        old, new: nested plain data.
        free: dotted keys to ignore, with all below them.

    Returns:
        ``(dotted key, old value, new value)``, sorted by key; None for a missing value.
    """
    before, after = dict(_flatten(old, free)), dict(_flatten(new, free))
    return [(k, before.get(k), after.get(k)) for k in sorted(before | after) if before.get(k) != after.get(k)]


def refuse_different_config(
    folder: Path, holds: str, old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> None:
    """Raises if the results of two configurations would be mixed in one folder.

    Args:
        folder: output folder.
        holds: its content, for the message.
        old, new, free: see :func:`differences`.

    Raises:
        ValueError: if the two differ; names every key.
    """
    changed = differences(old, new, free)
    if changed:
        raise ValueError(
            f"folder: {folder} contains {holds} of another configuration. They differ in"
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
