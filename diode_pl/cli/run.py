"""What every entry point does before and after Hydra composes the config."""

import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from diode_pl.cli.completion import choose_completion
from diode_pl.cli.errors import describe_error
from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.help import register_help
from diode_pl.cli.pretrained import fill_pretrained
from diode_pl.cli.renamed import refuse_renamed
from diode_pl.cli.unread import refuse_unread
from diode_pl.cli.weights_files import choose_file_detectors


def prepare_arguments(entry_point: str) -> None:
    """Rejects renamed words of the command line, resolves experiments and weights files, and prepares `--help`.

    Args:
        entry_point: its name, such as ``train``.
    """
    refuse_renamed(sys.argv[1:])
    register_help(entry_point)
    overrides = choose_completion(qualify_experiments(sys.argv[1:], entry_point), entry_point)
    sys.argv[1:] = choose_file_detectors(overrides, entry_point)


def run(config: Any) -> float | None:
    """Constructs the objects of a config and runs its task.

    Args:
        config: a DictConfig with interpolations unresolved; ``task`` is a partial function of ``folder`` and
            ``settings``.

    Returns:
        The result of the task: the value that a sweep maximizes.

    Raises:
        SystemExit: on errors of the user; the message names the keys. In a sweep a ValueError, so that it continues.
    """
    from pytorch_lightning import seed_everything  # torch comes with it: --help need not wait

    from diode_pl.numerics.termination import end_on_sigterm

    end_on_sigterm()

    job = HydraConfig.get()
    written = OmegaConf.to_container(config, resolve=False)  # now: instantiate resolves parts of it in place
    try:
        refuse_unread(job.overrides.task, written, job.runtime.choices)
        fill_pretrained(config, _choices(job, written), _config_folders(job))
        settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        assert isinstance(settings, dict)
        settings["overrides"] = list(job.overrides.task)
        seed_everything(config.seed, verbose=False)  # random weights
        function = instantiate(config.task, _convert_="object")
        return function(folder=job.runtime.output_dir, settings=settings)
    except (ValueError, OSError, FloatingPointError, OmegaConfBaseException, InstantiationException) as error:
        message = describe_error(error, written, _choices(job, written))
        if job.mode is not None and job.mode.name == "MULTIRUN":
            raise ValueError(message) from error
        raise SystemExit(f"error: {message}") from error


def _config_folders(job: Any) -> list[Path]:
    """The folders that Hydra composes from, in its order."""
    return [Path(source.path) for source in job.runtime.config_sources if source.schema == "file"]


def _choices(job: Any, config: Any) -> dict[str, str]:
    """What was chosen of each group, several options included, which Hydra leaves out of ``runtime.choices``."""
    choices = {group: str(option) for group, option in job.runtime.choices.items() if not group.startswith("hydra/")}
    for override in job.overrides.task:
        group, _, options = override.lstrip("+~").partition("=")
        if isinstance(config, dict) and isinstance(config.get(group), dict):
            choices.setdefault(group, options)
    return choices
