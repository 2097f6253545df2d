import pytest
import torch

from diode_pl.training.epoch_means import EpochMeans


def test_means_of_all_steps() -> None:
    means = EpochMeans()
    for box, total in ((1.0, 4.0), (2.0, 6.0), (6.0, 2.0)):
        means.add({"box": torch.tensor(box), "total": torch.tensor(total)})
    assert means.means() == {"box": pytest.approx(3.0), "total": pytest.approx(4.0)}
    assert means.not_finite() == []


def test_nothing_yet() -> None:
    assert EpochMeans().means() == {} and EpochMeans().not_finite() == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_one_step_that_is_not_finite_is_remembered(value: float, step: int) -> None:
    means = EpochMeans()
    for i in range(3):
        means.add({"box": torch.tensor(value if i == step else 1.0), "total": torch.tensor(1.0)})
    assert means.not_finite() == ["box"]


def test_infinities_do_not_cancel() -> None:
    means = EpochMeans()
    for value in (float("inf"), -float("inf"), 1.0):
        means.add({"box": torch.tensor(value)})
    assert means.not_finite() == ["box"]


def test_keeps_no_graph_and_leaves_its_input_alone() -> None:
    means, weight = EpochMeans(), torch.ones(1, requires_grad=True)
    terms = [{"box": (weight * i).sum()} for i in range(3)]
    for term in terms:
        means.add(term)
    assert [term["box"].item() for term in terms] == [0, 1, 2]
    assert means.means() == {"box": 1.0} and weight.grad is None
    terms[0]["box"].backward()  # its graph is still its own
    assert weight.grad == 0
