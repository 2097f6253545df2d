"""Sweeps over the parts of one set."""

import pytest

from diode_pl.cli.insertion import insert_overrides
from diode_pl.cli.shard_folder import choose_shard_folder


def test_parts_share_a_folder() -> None:
    words = ["-m", "shard.index=0,1", "shard.count=2", "output_dir=runs/set"]
    assert choose_shard_folder(words) == insert_overrides(words, ["hydra.sweep.subdir=."])


@pytest.mark.parametrize(
    "words",
    [["-m", "seed=0,1"], [], ["shard.count=2", "hydra.sweep.subdir=a"]],
)
def test_other_sweeps_and_a_folder_that_is_named_stay(words: list[str]) -> None:
    assert choose_shard_folder(words) == words
