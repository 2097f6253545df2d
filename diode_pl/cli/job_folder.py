"""Folders of the jobs of a sweep, named by what differs: a sweep that grows finds its finished jobs again."""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

_FIXED = "hydra.job.config.override_dirname.exclude_keys"
_LONGEST = 200  # bytes; file systems take 255
_ROW = re.compile(r"experiment=\w+/rows/")  # of a table of the paper
_UNSAFE = re.compile(r"[^\w.,=+@\[\]{}()-]+")


def keep_fixed_words_out(overrides: Sequence[str]) -> list[str]:
    """Adds which words of the command line are the same in all jobs of a sweep, and thus not in the names of folders.

    Args:
        overrides: the arguments of the command line.

    Returns:
        The arguments, in a sweep with one more beside the last word: argparse takes words in one place only.

    Example:
        >>> keep_fixed_words_out(["seed=0,1", "num_images=8", "-m"])
        ['seed=0,1', 'num_images=8', "hydra.job.config.override_dirname.exclude_keys=['num_images']", '-m']
    """
    if not {"-m", "--multirun"} & set(overrides):
        return list(overrides)
    swept, last = dict[str, bool](), -1
    for i, word in enumerate(overrides):
        try:
            parsed = OverridesParser.create().parse_override(word)
        except HydraException:  # an option of Hydra, or what it refuses in its own words
            continue
        last, key = i, parsed.get_key_element().lstrip("+~")
        # Seeds are what sweeps grow by, and a table of one row is a sweep as well.
        differs = parsed.is_sweep_override() or key == "seed" or _ROW.search(word) is not None
        swept[key] = swept.get(key, False) or differs
    quoted = ",".join(f"'{key}'" for key, differs in swept.items() if not differs)
    added = [f"{_FIXED}=[{quoted}]"] if last >= 0 else []
    return [*overrides[: last + 1], *added, *overrides[last + 1 :]]


def register_job_folder() -> None:
    """Defines ``${job_folder:}``: what differs between the jobs of a sweep, or the job's number if nothing does."""

    def resolve(*, _root_: DictConfig) -> str:
        job = _root_.hydra
        return name_job(job_words(job), job.job.config.override_dirname.exclude_keys) or str(job.job.num)

    OmegaConf.register_new_resolver("job_folder", resolve, replace=True)


def is_sweep(job: Any) -> bool:
    """Whether a job, of Hydra's own config, is one of a sweep."""
    return job.mode is not None and job.mode.name == "MULTIRUN"


def job_words(job: Any) -> list[str]:
    """The overrides of a job as they were typed: one may contain an interpolation, which Hydra would look up here.

    Args:
        job: Hydra's own config.
    """
    return [str(word) for word in OmegaConf.to_container(job.overrides.task, resolve=False) or ()]


def name_job(words: Sequence[str], fixed: Collection[str]) -> str:
    """Joins the words of a job that are its own, such as ``seed=0,augmentations=none``, to the name of a folder.

    Characters that folders do not take everywhere become ``_``, and long names are cut; names that this would make
    alike differ by a hash.

    Args:
        words: of the job, as the sweep gives them.
        fixed: keys that all jobs share.

    Example:
        >>> name_job(["+experiment=train/rows/real", "seed=0"], [])
        'row=real,seed=0'
        >>> name_job(["seed=0", "num_images=8", "augmentations=none"], ["num_images"])
        'seed=0,augmentations=none'
    """
    last = {word.lstrip("+~").partition("=")[0]: word.lstrip("+~") for word in words}  # of a key that is given twice
    whole = ",".join(_ROW.sub("row=", word) for key, word in last.items() if key not in fixed)
    name = _UNSAFE.sub("_", whole).encode()[:_LONGEST].decode(errors="ignore").lstrip(".")
    return name if name == whole else f"{name}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
