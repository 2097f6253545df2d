"""From a teacher and images to a new detector: `python train.py --help`."""

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float | None:
    """Composes, instantiates, runs."""
    from pytorch_lightning import seed_everything  # torch comes with it: --help need not wait

    job = HydraConfig.get()
    try:
        settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        settings["overrides"] = list(job.overrides.task)
        seed_everything(config.seed, verbose=False)  # random weights
        run = instantiate(config.job, _convert_="object")
        return run(folder=job.runtime.output_dir, settings=settings)
    except (ValueError, OSError, FloatingPointError, OmegaConfBaseException, InstantiationException) as error:
        if job.mode is not None and job.mode.name == "MULTIRUN":
            raise  # the sweep goes on with its next job
        raise SystemExit(f"error: {error.__cause__ if isinstance(error, InstantiationException) else error}") from error


if __name__ == "__main__":
    main()
