import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from diode_pl.detector.torchvision import deterministic_sampler as fixed_sample
from diode_pl.detector.torchvision.deterministic_sampler import DeterministicBalancedSampler, process_share
from tests.detector.torchvision.small_networks import faster_rcnn_network


def some_labels() -> list[Tensor]:
    """Images with many positives, few, none, nothing but such, and too few of everything."""
    draw = torch.Generator().manual_seed(0)
    mixed = [torch.randint(-1, 4, (200,), generator=draw), torch.randint(-40, 2, (300,), generator=draw).clamp(min=-1)]
    return [*mixed, torch.zeros(100), torch.ones(100), torch.tensor([-1.0, 0, 1, 1, 0])]


@pytest.mark.parametrize(("size", "fraction"), [(20, 0.25), (64, 0.5), (10_000, 1.0)])
def test_as_many_are_taken_as_by_torchvision(size: int, fraction: float) -> None:
    built: FasterRCNN = faster_rcnn_network(2, rpn_batch_size_per_image=size, rpn_positive_fraction=fraction)
    ours, labels = DeterministicBalancedSampler(size, fraction), some_labels()
    found, expected = ours(labels), built.rpn.fg_bg_sampler(labels)
    for kind in range(2):
        for own, other, each in zip(found[kind], expected[kind], labels, strict=True):
            assert own.dtype == other.dtype and own.sum() == other.sum()
            assert bool((each >= 1 if kind == 0 else each == 0)[own.bool()].all())
    assert ours.count(labels) == sum(int(mask.sum()) for masks in found for mask in masks)


def test_the_same_ones_are_taken_whatever_was_drawn_before_and_beside_it() -> None:
    sample, labels = DeterministicBalancedSampler(20, 0.25), some_labels()
    first = sample(labels)
    torch.rand(7)
    state = torch.get_rng_state()
    alone = [sample([each]) for each in labels]
    assert torch.equal(torch.get_rng_state(), state)
    for kind in range(2):
        assert all(torch.equal(masks, one[kind][0]) for masks, one in zip(first[kind], alone, strict=True))


def test_they_are_taken_from_everywhere() -> None:
    (mask,) = DeterministicBalancedSampler(50, 0.5)([torch.zeros(1000)])[1]
    places = torch.nonzero(mask).double()
    assert len(places) == 50 and 350 < float(places.mean()) < 650 and float(places.std()) > 200


def test_a_share_is_whole_in_one_process_and_adds_up_over_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert float(process_share(torch.tensor(7.0))) == 1 and float(process_share(torch.tensor(0.0))) == 1
    monkeypatch.setattr(fixed_sample, "reduce_sum_per_process", lambda value, at_least: torch.tensor(10.0 / 2))
    means = torch.tensor([3.0, 5.0])  # over 2 and over 8
    parts = [process_share(torch.tensor(count)) * mean for count, mean in zip((2.0, 8.0), means, strict=True)]
    assert float(sum(parts)) / 2 == pytest.approx((2 * 3 + 8 * 5) / 10)
