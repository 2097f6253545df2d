"""Name, group and tags of a run, from its command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf

from diode_pl.cli.conf import CONF
from diode_pl.cli.job_folder import is_sweep, job_words, name_job
from diode_pl.cli.recorded import read_recorded_teacher

_ROLES = ("teacher", "student")
# What says where and how a run works, and not what it makes.
_OF_TRAINER = ("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.start_method")
_ELSEWHERE = ("output_dir", "logger", "finish", "shard", "ckpt", "callbacks.progress", "hydra", *_OF_TRAINER)


def register_run_card() -> None:
    """Defines ``${run_name:}``, ``${sweep_name:}``, which is null outside sweeps, and ``${run_tags:}``."""

    def name() -> str:
        job = HydraConfig.get()
        return _sweep_name(job) or name_run(job_words(job), str(job.job.config_name))

    def group() -> str | None:
        job = HydraConfig.get()
        return str(job.sweep.dir) if is_sweep(job) else None

    def tags(*, _root_: DictConfig) -> ListConfig:
        return OmegaConf.create(tag_detectors(HydraConfig.get().runtime.choices, _root_))

    OmegaConf.register_new_resolver("run_name", name, replace=True)
    OmegaConf.register_new_resolver("sweep_name", group, replace=True)
    OmegaConf.register_new_resolver("run_tags", tags, replace=True)


def name_run(words: Sequence[str], entry_point: str) -> str:
    """What differs from the defaults of an entry point, as it was typed; its name if nothing does.

    Args:
        words: of the command line.
        entry_point: such as ``train``.

    Example:
        >>> name_run(["+experiment=synthesize/demo", "seed=0", "num_images=8", "output_dir=runs/a"], "synthesize")
        'experiment=demo,num_images=8'
    """
    default = OmegaConf.load(CONF / f"{entry_point}.yaml")
    options = {key: value for each in default.defaults if each != "_self_" for key, value in each.items()}
    named = []
    for word in words:
        key, _, value = word.lstrip("+~").partition("=")
        known = options.get(key, OmegaConf.select(default, key, throw_on_resolution_failure=False))
        if not key.startswith(_ELSEWHERE) and value != str(known):
            named.append(f"{key}={value.removeprefix(f'{entry_point}/')}")
    return ",".join(named) or entry_point


def tag_detectors(choices: Mapping[str, str], config: DictConfig) -> list[str]:
    """Which detectors take part: ``teacher=yolov3_tiny_shapes``; by their weights where the option does not say it.

    Args:
        choices: the option chosen of each group.
        config: of the run.
    """
    tags = []
    for role in _ROLES:
        option = choices.get(f"detector@{role}")
        if option in (None, "none"):
            continue
        weights: Any = OmegaConf.select(config, f"{role}.weights", throw_on_missing=False)
        if option == "recorded" and weights is None:
            weights = read_recorded_teacher(config).get("weights")
            weights = Path(weights.get("name", option)).stem if isinstance(weights, Mapping) else weights
        tags.append(f"{role}={weights if isinstance(weights, str | Path) else option}")
    return tags


def _sweep_name(job: Any) -> str | None:
    return name_job(job_words(job), job.job.config.override_dirname.exclude_keys) if is_sweep(job) else None
