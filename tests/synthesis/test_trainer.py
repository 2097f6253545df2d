import pytest

from diode_pl.synthesis.trainer import synthesis_trainer


def test_a_synthesis_needs_processes() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        synthesis_trainer({}, {}, devices=0)
