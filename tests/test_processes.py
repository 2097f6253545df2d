import pytest
import torch

from diode_pl.processes import shared_mean, shared_sum
from tests.two_processes import DTYPES, LOSSES, both, whole_batch


@pytest.mark.parametrize(("value", "expected"), [(3.5, 3.5), (0.25, 1.0), (0.0, 1.0)])
def test_alone_it_is_the_value_itself(value: float, expected: float) -> None:
    assert shared_sum(torch.tensor(value), at_least=1.0) == expected


def test_of_two_processes_it_is_half_of_the_sum() -> None:
    for rank in both():
        assert [float(value) for value in rank["sums"]] == [4.0, 0.5, 0.5, 3.5]
        assert rank["mean"].tolist() == [1.0, 4.0]
    assert shared_mean(torch.tensor([2.0])) == 2


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_two_processes_compute_the_loss_and_the_gradients_of_one(loss: str, dtype: str, tolerance: float) -> None:
    alone = whole_batch(loss, DTYPES[dtype])
    gradients = [name for name in alone if name.startswith("gradient")]
    assert alone["loss"] > 0 and gradients and all(alone[name].any() for name in gradients)
    largest = max(float(alone[name].abs().max()) for name in gradients)
    for rank in both():
        found = rank["steps"][f"{loss}, {dtype}"]
        torch.testing.assert_close(found["loss"], alone["loss"], rtol=tolerance, atol=0)
        for name in gradients:
            torch.testing.assert_close(found[name], alone[name], rtol=0, atol=tolerance * largest)
