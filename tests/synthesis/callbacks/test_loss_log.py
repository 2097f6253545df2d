import pytest

from diode_pl.synthesis.callbacks import LossLog
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import (
    Detection,
    TotalVariation,
)
from tests.dashboard_listener import Listener
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


def test_every_value_is_logged_once_with_shares_and_seconds_per_image(tmp_path):
    board = Listener()
    fit(inversion(tmp_path, num_images=4), LossLog(every=8), loggers=[board])
    seen = [(name, step) for values, step in board.heard("log_metrics") for name in values]
    assert len(seen) == len(set(seen))
    assert [step for name, step in seen if name == "loss/total"] == [8, 16, 20, 28, 36, 40]
    assert [step for name, step in seen if name == "seconds_per_image"] == [20, 40]
    values = board.heard("log_metrics")[0][0]
    shares = {name: value for name, value in values.items() if name.startswith("share/")}
    assert set(shares) == {"share/detection", "share/total_variation", "share/batch_norm"}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["share/batch_norm"] == pytest.approx(0.1 * values["loss/batch_norm"] / values["loss/total"], rel=1e-4)
