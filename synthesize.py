"""From a trained detector to labelled images: `python synthesize.py --help`."""

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf


@hydra.main(version_base="1.3", config_path="conf", config_name="synthesize")
def main(config: DictConfig) -> float | None:
    """Composes, instantiates, runs."""
    from diode_pl.data import SyntheticSet  # torch comes with these: --help need not wait for it
    from diode_pl.synthesis import synthesize

    try:
        configuration = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        inversion = instantiate(config.inversion, _convert_="object")
        trainer = instantiate(config.trainer, _convert_="object")
        dataset = SyntheticSet(HydraConfig.get().runtime.output_dir, inversion.teacher.class_names, configuration)
        return synthesize(inversion, trainer, dataset)
    except (ValueError, OSError, InstantiationException) as error:
        raise SystemExit(f"error: {error.__cause__ or error}") from error


if __name__ == "__main__":
    main()
