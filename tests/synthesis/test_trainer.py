import pytest

from diode_pl.synthesis.trainer import synthesis_trainer


def test_a_synthesis_needs_processes() -> None:
    with pytest.raises(ValueError, match="^devices and num_nodes must be >= 1"):
        synthesis_trainer({}, {}, devices=0)
