import pytest

from diode_pl.synthesis.callbacks import LossLog
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import (
    Detection,
    TotalVariation,
)
from tests.synthesis.synthesis_run import fit, inversion


def test_factors_of_the_weighting_are_logged(tmp_path):
    module = inversion(tmp_path, loss_weighting=GradientShares(steps=5))
    fit(module, LossLog(every=5))
    values = module.term_values()
    weighted = sum(values[name] * values[f"{name}_weight"] for name in module.objective.losses)
    assert values["total"] == pytest.approx(weighted, rel=1e-5)
    assert len(values) == 3 + 1 + 3


def test_a_loss_that_breaks_stops_the_run_and_names_the_term(tmp_path):
    module = inversion(tmp_path, losses={"detection": Detection(), "total_variation": TotalVariation(1e300)})
    with pytest.raises(FloatingPointError, match="total is not finite at iteration 5"):
        fit(module, LossLog(every=5))
