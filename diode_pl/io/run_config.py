"""Comparison of the configurations of two runs."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

# Keys that may differ between two runs that write the same images, or more of them, to one folder. These
# repeat others: `inversion`, `task`, `overrides`, `callbacks.verifier.detector`, `trainer.callbacks`, `trainer.logger`.
FREE = {"output_dir", "num_images", "shard", "finish", "accept", "inversion", "task", "overrides", "logger"}
FREE |= {"callbacks.progress", "callbacks.loss_log", "callbacks.verifier.detector", "callbacks.image_log"}
FREE |= {"callbacks.snapshots"}
FREE |= {"trainer.callbacks", "trainer.logger", "trainer.devices", "trainer.num_nodes", "trainer.start_method"}

# The same for a training, which may be resumed with more epochs, devices or bad images. Parts of `distillation`,
# `data`, `classification`, `crops` and `trainer` that repeat other groups or keys are listed, as is all of `task`.
_PARTS = {
    "distillation": ("student", "teacher", "losses", "recipe", "data", "label_source", "log_every"),
    "classification": ("classifier", "data", "recipe", "label_source", "teacher", "log_every"),
    "crops": ("train", "batch_size", "seed", "workers", "cache_gib"),
    "data": ("train", "val", "tiling", "augmentations", "batch_size", "seed", "workers", "cache_gib"),
    "trainer": ("callbacks", "logger", "max_epochs", "max_time", "accelerator", "devices", "num_nodes", "start_method"),
}
FREE_IN_TRAINING = {f"{group}.{key}" for group, keys in _PARTS.items() for key in keys}
FREE_IN_TRAINING |= {"output_dir", "ckpt", "overrides", "logger", "callbacks.progress", "task"}
FREE_IN_TRAINING |= {"callbacks.validation_log"}
FREE_IN_TRAINING |= {"budget_minutes", "train.partial", "max_bad", "train.max_bad", "val.max_bad"}
FREE_IN_TRAINING |= {"distill.dicod.classifier.weights"}  # a path; `distill_sha256` identifies the content
OF_EARLIER_VERSIONS = {"job", "fit", "tiled"}  # today's `task`
FREE_IN_TRAINING |= OF_EARLIER_VERSIONS

# The keys by which Hydra calls a class do not affect the result. Nor does the name of a class of this package, which
# may move; its arguments tell options apart. Classes of other libraries may share their arguments.
_HYDRA_KEYS = {"_partial_", "_convert_", "_recursive_"}
# Names and values in folders of earlier versions.
_RENAMED_GROUPS = {"balance": "loss_weighting"}
_RENAMED = {"data_access": "provenance", "labelled": "labeled", "colour": "color", "localisation": "localization"}
_RENAMED |= {f"burn_in_{key}": f"warmup_{key}" for key in ("epochs", "steps", "momentum")}
_RENAMED |= {"kd_loc_warmup_steps": "localization_warmup_steps"}
_RENAMED_VALUES = {("form", "published"): "paper", ("form", "standardised"): "standardized"}
_RENAMED_VALUES |= {("form", "l1_normalised"): "l1_normalized", ("reduction", "released"): "paper_code"}
_RENAMED_VALUES |= {("name", "teacher_shapes.safetensors"): "yolov3_tiny_shapes.safetensors"}
_RENAMED_VALUES |= {("name", "verifier_shapes.safetensors"): "yolov3_res_shapes.safetensors"}


def compare_configs(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> list[tuple[str, Any, Any]]:
    """Compares two configurations, nested plain data, except for the module paths of this package's classes.

    Dotted keys in ``free`` are ignored, with all below them.

    Returns:
        ``(dotted key, old value, new value)``, sorted by key; None for a missing value.
    """
    before, after = dict(_flatten(old, free)), dict(_flatten(new, free))
    return [(k, before.get(k), after.get(k)) for k in sorted(before | after) if before.get(k) != after.get(k)]


def refuse_different_config(
    folder: Path, holds: str, old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str] = FREE
) -> None:
    """Raises if a folder that ``holds`` results of the configuration ``old`` would mix them with those of ``new``.

    Raises:
        ValueError: if :func:`compare_configs` finds any; the message states every key.
    """
    if changed := compare_configs(old, new, free):
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
            name = (_RENAMED if prefix else _RENAMED_GROUPS).get(str(key), str(key))
            yield from _flatten(value, free, f"{prefix}.{name}" if prefix else name)
    elif node not in ({}, []):
        yield prefix, _RENAMED_VALUES.get((prefix.rpartition(".")[2], node), node)
