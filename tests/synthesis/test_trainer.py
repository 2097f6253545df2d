import pytest

from diode_pl.synthesis.trainer import build_synthesis_trainer


def test_a_synthesis_needs_processes() -> None:
    with pytest.raises(ValueError, match="^devices and num_nodes must be >= 1"):
        build_synthesis_trainer({}, {}, devices=0)
