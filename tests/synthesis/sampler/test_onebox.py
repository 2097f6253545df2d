import pytest
import torch
from torch import Generator, Tensor

from diode_pl.synthesis.sampler import LabelPrior, OneBox

PRIOR = LabelPrior({name: i for i, name in enumerate("abcdefgh")})
COUNT = 4000


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def center_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def test_one_box_an_image() -> None:
    targets = OneBox().sample(0, 5, PRIOR, seeded())
    assert targets.batch_size == 5 and targets.image_index.tolist() == [0, 1, 2, 3, 4] and targets.valid.all()


def test_sides_are_uniform_and_the_box_lies_inside() -> None:
    boxes = OneBox().sample(0, COUNT, PRIOR, seeded()).boxes
    _, size = center_and_size(boxes)
    assert boxes.min() >= 0 and boxes.max() <= 1
    assert 0.2 - 1e-6 < size.min() < 0.21 and 0.79 < size.max() < 0.8 + 1e-6
    quarters = torch.quantile(size, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    torch.testing.assert_close(quarters, torch.tensor([[0.35], [0.5], [0.65]]).expand(3, 2), atol=0.02, rtol=0)


def test_the_place_inside_is_uniform() -> None:
    boxes = OneBox().sample(0, COUNT, PRIOR, seeded()).boxes
    _, size = center_and_size(boxes)
    place = boxes[:, :2] / (1 - size)
    quarters = torch.quantile(place, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    torch.testing.assert_close(quarters, torch.tensor([[0.25], [0.5], [0.75]]).expand(3, 2), atol=0.03, rtol=0)


def test_width_height_and_place_are_drawn_independently() -> None:
    boxes = OneBox().sample(0, COUNT, PRIOR, seeded()).boxes
    _, size = center_and_size(boxes)
    drawn = torch.cat([size, boxes[:, :2] / (1 - size)], dim=1)
    assert (torch.corrcoef(drawn.T) - torch.eye(4)).abs().max() < 0.06


def test_in_the_papers_variant_the_center_is_uniform_and_the_box_is_cut() -> None:
    boxes = OneBox((0.1, 0.75), inside=False).sample(0, COUNT, PRIOR, seeded()).boxes
    assert boxes.min() == 0 and boxes.max() == 1
    _, size = center_and_size(boxes)
    assert size.min() > 0.05 - 1e-6 and size.max() < 0.75 + 1e-6
    # A box that touches no edge still has its center; a center within 0.05 of an edge always touches it.
    whole = ((boxes > 0) & (boxes < 1)).all(dim=1)
    assert 0.2 < whole.float().mean() < 0.6
    narrow = OneBox((0.001, 0.001), inside=False).sample(0, COUNT, PRIOR, seeded()).boxes
    center, _ = center_and_size(narrow)
    quarters = torch.quantile(center, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    torch.testing.assert_close(quarters, torch.tensor([[0.25], [0.5], [0.75]]).expand(3, 2), atol=0.03, rtol=0)


def test_classes_are_equally_likely() -> None:
    counts = torch.bincount(OneBox().sample(0, COUNT, PRIOR, seeded()).labels, minlength=len(PRIOR.classes))
    expected = COUNT / len(PRIOR.classes)
    assert len(counts) == len(PRIOR.classes)
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # chi-square, 7 degrees of freedom, p = 0.001


def test_only_the_classes_asked_for() -> None:
    labels = OneBox(classes=("g", "b")).sample(0, 100, PRIOR, seeded()).labels
    assert sorted(set(labels.tolist())) == [1, 6]


def test_labels_of_learned_classes_may_have_gaps() -> None:
    targets = OneBox().sample(0, 100, LabelPrior({"b": 3, "f": 7}), seeded())
    assert sorted(set(targets.labels.tolist())) == [3, 7]
    assert set(OneBox(classes=("f",)).sample(0, 20, LabelPrior({"b": 3, "f": 7}), seeded()).labels.tolist()) == {7}


def test_an_unknown_class_raises_and_is_named() -> None:
    with pytest.raises(ValueError, match="^OneBox: classes: .*'unicorn'"):
        OneBox(classes=("a", "unicorn")).sample(0, 1, PRIOR, seeded())


def test_same_seed_same_boxes() -> None:
    first, again, other = (OneBox().sample(0, 8, PRIOR, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first.boxes, again.boxes) and torch.equal(first.labels, again.labels)
    assert not torch.equal(first.boxes, other.boxes)


@pytest.mark.parametrize("size", [(0.0, 0.5), (0.5, 0.4), (0.5, 1.1)])
def test_a_bad_size_raises(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="increasing range"):
        OneBox(size)


def test_a_seed_of_its_own_draws_the_same_boxes_in_every_run_and_others_in_every_batch() -> None:
    sampler = OneBox(seed=3)
    first = sampler.sample(0, 8, PRIOR, seeded(0))
    other_run, other_batch = sampler.sample(0, 8, PRIOR, seeded(1)), sampler.sample(8, 8, PRIOR, seeded(0))
    assert torch.equal(first.boxes, other_run.boxes) and torch.equal(first.labels, other_run.labels)
    assert not torch.equal(first.boxes, other_batch.boxes)
    assert not torch.equal(first.boxes, OneBox(seed=4).sample(0, 8, PRIOR, seeded(0)).boxes)
    with pytest.raises(ValueError, match="seed must be >= 0"):
        OneBox(seed=-1)
