"""From a teacher and images to a new detector: `python train.py --help`."""

import hydra
from omegaconf import DictConfig

from diode_pl.cli import prepare_arguments, run


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def compose_and_run(config: DictConfig) -> float | None:
    """Constructs what the config names and runs it."""
    return run(config)


def main() -> None:
    """Runs what the command line says."""
    prepare_arguments("train")
    compose_and_run()


if __name__ == "__main__":
    main()
