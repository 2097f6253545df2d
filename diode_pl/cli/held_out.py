"""Which images an evaluation reads beside those that it measures on."""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def register_held_out_source() -> None:
    """Defines ``${held_out_from:KEY}``: the set at ``KEY`` if ``val`` is a fraction of it, null if not."""

    def resolve(key: str, *, _root_: DictConfig) -> Any:
        return None if OmegaConf.select(_root_, "val.fraction") is None else OmegaConf.select(_root_, key)

    OmegaConf.register_new_resolver("held_out_from", resolve, replace=True)
