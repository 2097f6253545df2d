import pytest
import torch
from torch import Tensor, nn

from diode_pl.numerics.distributed import reduce_mean, reduce_sum_per_process
from tests import two_processes
from tests.two_processes import DTYPES, FAMILIES, LOSSES, family_whole_batch, narrow, whole_batch


@pytest.fixture(scope="module")
def both() -> tuple[dict, dict]:
    """Results of two processes. Pytest keeps a failure, too: they are started once."""
    return two_processes.both()


@pytest.mark.parametrize(("value", "expected"), [(3.5, 3.5), (0.25, 1.0), (0.0, 1.0)])
def test_alone_it_is_the_value_itself(value: float, expected: float) -> None:
    assert reduce_sum_per_process(torch.tensor(value), at_least=1.0) == expected


def test_of_two_processes_it_is_half_of_the_sum(both: tuple[dict, dict]) -> None:
    for rank in both:
        assert [float(value) for value in rank["sums"]] == [4.0, 0.5, 0.5, 3.5]
        assert rank["mean"].tolist() == [1.0, 4.0]
    assert reduce_mean(torch.tensor([2.0])) == 2


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_two_processes_compute_the_loss_and_the_gradients_of_one(
    loss: str, dtype: str, tolerance: float, both: tuple[dict, dict]
) -> None:
    agree(both, whole_batch(loss, DTYPES[dtype]), f"{loss}, {dtype}", tolerance)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_learn_from_labels_what_one_does(family: str, both: tuple[dict, dict]) -> None:
    # Torchvision computes one term of Faster R-CNN's in float32, whatever the network is in.
    agree(both, family_whole_batch(family), family, 1e-6)


def agree(both: tuple[dict, dict], alone: dict[str, Tensor], name: str, tolerance: float) -> None:
    gradients = [each for each in alone if each.startswith("gradient")]
    assert alone["loss"] > 0 and gradients and all(alone[each].any() for each in gradients)
    largest = max(float(alone[each].abs().max()) for each in gradients)
    for rank in both:
        found = rank["steps"][name]
        torch.testing.assert_close(found["loss"], alone["loss"], rtol=tolerance, atol=0)
        for each in gradients:
            torch.testing.assert_close(found[each], alone[each], rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_two_processes_keep_the_statistics_of_one(
    loss: str, dtype: str, tolerance: float, both: tuple[dict, dict]
) -> None:
    alone = whole_batch(loss, DTYPES[dtype])
    buffers = [name for name in alone if name.split(".")[-1] in ("running_mean", "running_var", "num_batches_tracked")]
    assert sum(name.startswith("student.") for name in buffers) == 9
    for rank in both:
        for name in buffers:
            found = rank["steps"][f"{loss}, {dtype}"][name]
            torch.testing.assert_close(found, alone[name], rtol=tolerance, atol=tolerance)
            assert not name.endswith("tracked") or found == 2


def test_both_processes_end_with_the_same(both: tuple[dict, dict]) -> None:
    one, other = both
    for name, found in one["steps"].items():
        assert found.keys() == other["steps"][name].keys()
        assert all(torch.equal(value, other["steps"][name][key]) for key, value in found.items())


def test_a_small_variance_beside_a_large_mean(both: tuple[dict, dict]) -> None:
    expected = nn.BatchNorm2d(2, momentum=1.0).double()
    output = expected(narrow().double()).detach().float()
    for rank, found in enumerate(both):
        torch.testing.assert_close(found["narrow"]["mean"], expected.running_mean.float(), rtol=1e-6, atol=0)
        torch.testing.assert_close(found["narrow"]["variance"], expected.running_var.float(), rtol=1e-3, atol=0)
        torch.testing.assert_close(found["narrow"]["output"], output[rank::2], rtol=1e-3, atol=2e-3)


def test_a_process_without_images_takes_part(both: tuple[dict, dict]) -> None:
    expected = nn.BatchNorm2d(2).double()(narrow().double()).detach().float()
    none, all_images = (found["alone"] for found in both)
    assert none.shape == (0, 2, 40, 40)
    torch.testing.assert_close(all_images, expected, rtol=1e-3, atol=2e-3)
