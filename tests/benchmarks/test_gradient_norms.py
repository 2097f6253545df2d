"""The table of gradient norms, from terms whose gradients are known."""

import pytest
import torch

from benchmarks.gradient_norms import LoggedGradientShares


def test_windows_hold_the_mean_norms_of_their_steps(capsys: pytest.CaptureFixture[str]) -> None:
    weighting, pixels = LoggedGradientShares(steps=12), torch.zeros(1, 3, 2, 2, requires_grad=True)
    weighting.begin({"steep": 1.0, "flat": 1.0})
    for step in range(14):
        one = pixels.sum() / 12**0.5  # its gradient has norm 1
        weighting.factors({"steep": (step + 1) * one, "flat": 0 * one}, pixels)
    assert capsys.readouterr().out.splitlines() == [
        "| steps | steep | flat |",
        "|---|---|---|",
        "| 0 to 5 | 3 | – |",
        "| 5 to 10 | 8 | – |",
        "| 10 to 12 | 11.5 | – |",
    ]
