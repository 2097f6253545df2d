"""From a teacher and images to a new detector: `python train.py --help`."""

import sys

import hydra
from omegaconf import DictConfig

from diode_pl.cli import refuse_renamed, run


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def compose_and_run(config: DictConfig) -> float | None:
    """Constructs what the config names and runs it."""
    return run(config, task="task")


def main() -> None:
    """Runs what the command line says."""
    refuse_renamed(sys.argv[1:])
    compose_and_run()


if __name__ == "__main__":
    main()
