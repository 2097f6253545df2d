import torch

from diode_pl.synthesis.weighting import ConstantWeights


def test_weights_are_those_that_are_stated_at_every_step() -> None:
    balance, pixels = ConstantWeights(), torch.rand(1, 3, 4, 4, requires_grad=True)
    terms = {"a": pixels.sum(), "b": pixels.square().sum() * 1e9}
    for stated in ({"a": 1.0, "b": 80.0}, {"a": 0.05, "b": 80.0}):
        balance.begin(stated)
        assert [balance.weights(terms, pixels) for _ in range(2)] == [stated, stated]
    assert balance.values() == {}
