"""What every entry point does before and after Hydra composes the config."""

import logging
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from diode_pl.cli.announcement import announce
from diode_pl.cli.completion import choose_completion
from diode_pl.cli.errors import describe_error, shows_tracebacks
from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.help import register_help
from diode_pl.cli.job_folder import is_sweep, job_words, keep_fixed_words_out
from diode_pl.cli.missing_paths import refuse_missing_paths
from diode_pl.cli.pretrained import fill_pretrained
from diode_pl.cli.renamed import refuse_renamed
from diode_pl.cli.shard_folder import choose_shard_folder
from diode_pl.cli.signatures import refuse_unlike_signatures
from diode_pl.cli.sweep_errors import JobError, identify_terminal
from diode_pl.cli.tables import expand_tables
from diode_pl.cli.unread import refuse_unread
from diode_pl.cli.weights_files import choose_file_detectors
from diode_pl.io.quoting import quote, shorten
from diode_pl.numerics.termination import EXIT_CODE, end_on_sigterm, was_asked_to_end

log = logging.getLogger(__name__)


def prepare_arguments(entry_point: str) -> None:
    """Rejects renamed words of the command line, resolves experiments and weights files, and prepares `--help`.

    Args:
        entry_point: its name, such as ``train``.
    """
    refuse_renamed(sys.argv[1:])
    register_help(entry_point)
    words = qualify_experiments(expand_tables(sys.argv[1:], entry_point), entry_point)
    overrides = choose_completion(words, entry_point)
    sys.argv[1:] = keep_fixed_words_out(choose_shard_folder(choose_file_detectors(overrides, entry_point)))


def run(config: Any) -> float | None:
    """Constructs the objects of a config and runs its task.

    Args:
        config: a DictConfig with interpolations unresolved; ``task`` is a partial function of ``folder`` and
            ``settings``.

    Returns:
        The result of the task: the value that a sweep maximizes.

    Raises:
        SystemExit: on errors; the message names the keys. In a sweep a JobError, so that it continues.
    """
    end_on_sigterm()
    log_any_name()

    job = HydraConfig.get()
    written = OmegaConf.to_container(config, resolve=False)  # now: instantiate resolves parts of it in place
    words = job_words(job)
    try:
        folders = _config_folders(job)
        refuse_unread(words, written, job.runtime.choices, _keys_without(words, job, folders))
        fill_pretrained(config, _choices(job, written), folders)
        settings: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        assert isinstance(settings, dict)
        refuse_wrong(settings)
        log.info("%s", announce(str(job.job.config_name), _choices(job, written), config, settings))
        from diode_pl.cli.source_arguments import read_arguments  # here and below: the lines above need not wait

        refuse_unlike_signatures(written, settings, read_arguments)
        refuse_missing_paths(written, settings)
        refuse_unlike_signatures(written, settings)
        settings["overrides"] = words
        from pytorch_lightning import seed_everything  # torch comes with it

        seed_everything(config.seed, verbose=False)  # random weights
        function = instantiate(config.task, _convert_="object")
        return function(folder=job.runtime.output_dir, settings=settings)
    except Exception as error:
        if was_asked_to_end():
            raise SystemExit(EXIT_CODE) from error
        if shows_tracebacks():
            raise
        message = describe_error(error, written, _choices(job, written))
        if is_sweep(job):
            message = f"job {job.job.num} ({shorten(' '.join(words))}): {_in_one_line(message)}"
            print(f"error: {message}", file=sys.stderr)
            raise JobError(message, identify_terminal()) from error
        raise SystemExit(f"error: {message}") from error


def log_any_name() -> None:
    """Lets the logs show names of files that are not in UTF-8, with backslashes; Python would print a traceback."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, TextIOWrapper):
            handler.stream.reconfigure(errors="backslashreplace")


def _in_one_line(message: str) -> str:
    """A message among those of other jobs."""
    return "; ".join(line.strip() for line in message.splitlines() if line.strip())


def refuse_wrong(settings: Any) -> None:
    """Raises a ValueError if a key is wrong that no class takes: ``seed``, ``output_dir`` or ``finish``."""
    if isinstance(seed := settings["seed"], bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer from 0 to {2**32 - 1}, got {quote(seed)}")
    if not isinstance(folder := settings.get("output_dir", "."), str | int) or isinstance(folder, bool) or folder == "":
        raise ValueError(f"output_dir must be a path, got {quote(folder)}")
    if not isinstance(finish := settings.get("finish", False), bool):
        raise ValueError(f"finish must be true or false, got {quote(finish)}")


def _config_folders(job: Any) -> list[Path]:
    """The folders that Hydra composes from, in its order."""
    return [Path(source.path) for source in job.runtime.config_sources if source.schema == "file"]


def _keys_without(words: list[str], job: Any, folders: list[Path]) -> set[str]:
    """Keys of the config that are there whatever is typed: those of its file, and those that its groups set."""
    paths = [folder / f"{job.job.config_name}.yaml" for folder in folders]
    keys = {str(key) for path in paths if path.is_file() for key in OmegaConf.load(path)}
    added = {word.lstrip("+").partition("=")[0] for word in words if word.startswith("+")}
    return keys | {group.rpartition("@")[2] for group in job.runtime.choices if group not in added}


def _choices(job: Any, config: Any) -> dict[str, str]:
    """What was chosen of each group, several options included, which Hydra leaves out of ``runtime.choices``."""
    choices = {group: str(option) for group, option in job.runtime.choices.items() if not group.startswith("hydra/")}
    for override in job_words(job):
        group, _, options = override.lstrip("+~").partition("=")
        if isinstance(config, dict) and isinstance(config.get(group), dict):
            choices.setdefault(group, options)
    return choices
