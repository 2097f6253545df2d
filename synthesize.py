"""From a trained detector to labeled images: `python synthesize.py --help`."""

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


@hydra.main(version_base="1.3", config_path="conf", config_name="synthesize")
def main(config: DictConfig) -> float | None:
    """Composes, instantiates, runs."""
    from diode_pl.synthesis.job import synthesize

    job = HydraConfig.get()
    try:
        settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        inversion, trainer = (instantiate(config[part], _convert_="object") for part in ("inversion", "trainer"))
        settings["overrides"] = list(job.overrides.task)
        return synthesize(inversion, trainer, job.runtime.output_dir, settings)
    except (ValueError, OSError, FloatingPointError, OmegaConfBaseException, InstantiationException) as error:
        if job.mode is not None and job.mode.name == "MULTIRUN":
            raise  # the sweep goes on with its next job
        raise SystemExit(f"error: {error.__cause__ if isinstance(error, InstantiationException) else error}") from error


if __name__ == "__main__":
    main()
