import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from diode_pl.synthesis.sampler import Extents, LabelPrior, LogUniformExtents, Scene
from diode_pl.targets import Targets

PRIOR = LabelPrior(
    {name: i for i, name in enumerate("abcdefgh")}, torch.tensor([[0.1, 0.15], [0.3, 0.3], [0.7, 0.5], [1.2, 0.9]])
)
COUNT = 300


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def draw(scene: Scene, seed: int = 0, count: int = COUNT) -> Targets:
    return scene.sample(0, count, PRIOR, seeded(seed))


def largest_overlap(boxes: np.ndarray) -> float:
    """Of all pairs, as a share of the smaller box; box by box."""
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    shares = [0.0]
    for i, a in enumerate(boxes):
        for j, b in enumerate(boxes[:i]):
            width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            shares.append(max(width, 0) * max(height, 0) / min(areas[i], areas[j]))
    return max(shares)


class Given(Extents):
    """The same square for every box of a class."""

    def __init__(self, *sides: float) -> None:
        self.sides = torch.tensor(sides)

    def draw(self, labels: Tensor, prior: LabelPrior, generator: Generator) -> Tensor:
        return self.sides[labels][:, None].expand(-1, 2)


def test_every_box_lies_inside_its_image_and_every_image_has_one() -> None:
    targets = draw(Scene())
    counts = torch.bincount(targets.image_index, minlength=COUNT)
    assert targets.batch_size == len(counts) == COUNT and targets.valid.all()
    assert counts.min() >= 1 and counts.max() <= 8
    assert targets.boxes.min() >= 0 and targets.boxes.max() <= 1 and (targets.boxes[:, :2] < targets.boxes[:, 2:]).all()


@pytest.mark.parametrize("overlap", [0.0, 0.15, 0.6])
def test_no_two_boxes_overlap_more_than_they_may(overlap: float) -> None:
    found = [largest_overlap(boxes.double().numpy()) for boxes, _ in draw(Scene(overlap=overlap)).per_image()]
    assert max(found) <= overlap + 1e-6
    assert overlap == 0 or max(found) > 0.9 * overlap  # boxes may touch


def test_without_a_limit_no_box_is_left_out() -> None:
    targets = draw(Scene(count=(5, 5), overlap=1.0))
    assert torch.bincount(targets.image_index).tolist() == [5] * COUNT


def test_the_number_of_boxes_is_uniform() -> None:
    counts = torch.bincount(draw(Scene(count=(2, 5), overlap=1.0), count=2000).image_index)
    frequencies, expected = torch.bincount(counts, minlength=6)[2:], 500
    assert len(frequencies) == 4
    assert ((frequencies - expected) ** 2 / expected).sum() < 16.3  # chi-square, 3 degrees of freedom, p = 0.001


def test_a_box_that_fits_nowhere_is_left_out_but_never_the_image() -> None:
    targets = draw(Scene(Given(*[0.9] * 8), count=(4, 4)))
    assert targets.image_index.tolist() == list(range(COUNT))
    # Ten thousand tries that must fail end.
    assert len(draw(Scene(Given(*[1.0] * 8), count=(200, 200)), count=1)) == 1


def test_the_place_of_a_single_box_is_uniform() -> None:
    boxes = draw(Scene(LogUniformExtents((0.2, 0.6)), count=(1, 1)), count=4000).boxes
    place = boxes[:, :2] / (1 - (boxes[:, 2:] - boxes[:, :2]))
    quarters = torch.quantile(place, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    torch.testing.assert_close(quarters, torch.tensor([[0.25], [0.5], [0.75]]).expand(3, 2), atol=0.03, rtol=0)
    assert abs(np.corrcoef(place.T.numpy())[0, 1]) < 0.06


@pytest.mark.parametrize("count", [1, 7, COUNT])
def test_classes_are_balanced_though_boxes_are_left_out(count: int) -> None:
    counts = torch.bincount(draw(Scene(), count=count).labels, minlength=8)
    assert len(counts) == 8 and counts.max() - counts.min() <= 1


def test_classes_are_balanced_over_many_small_batches() -> None:
    counts = sum(torch.bincount(draw(Scene(), seed, 2).labels, minlength=8) for seed in range(400))
    expected = counts.sum() / 8
    # Below that of independent draws, as nearly all classes occur once in each batch.
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # chi-square, 7 degrees of freedom, p = 0.001


def test_classes_come_in_random_order() -> None:
    labels = draw(Scene(Given(*[0.01] * 8), count=(8, 8), overlap=1.0)).labels.view(COUNT, 8)
    assert (labels.sort(dim=1).values == torch.arange(8)).all()
    assert len(labels.unique(dim=0)) > 0.9 * COUNT  # of 40,320 orders


def test_sizes_may_depend_on_the_class() -> None:
    sides = [0.05 * (i + 1) for i in range(8)]
    targets = draw(Scene(Given(*sides)))
    expected = torch.tensor(sides)[targets.labels][:, None].expand(-1, 2)
    torch.testing.assert_close(targets.boxes[:, 2:] - targets.boxes[:, :2], expected)


def test_sizes_are_those_of_the_anchors_by_default() -> None:
    boxes = draw(Scene(count=(1, 1)), count=4000).boxes
    size = (boxes[:, 2:] - boxes[:, :2]).double().numpy()
    random = np.random.default_rng(0)
    anchors = PRIOR.anchors.double().numpy()[random.integers(4, size=100_000)]
    expected = np.minimum(anchors * np.exp(random.normal(0, 0.25, (100_000, 2))), 1)
    at = np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(np.quantile(size, at, axis=0), np.quantile(expected, at, axis=0), rtol=0.12)


def test_only_the_classes_asked_for() -> None:
    assert set(draw(Scene(classes=("g", "b"))).labels.tolist()) == {1, 6}
    labels = Scene().sample(0, 20, LabelPrior({"b": 3, "f": 7}), seeded()).labels
    assert set(labels.tolist()) == {3, 7}
    with pytest.raises(ValueError, match="^Scene: classes: .*'unicorn'"):
        draw(Scene(classes=("a", "unicorn")))


def test_same_seed_same_scenes() -> None:
    first, again, other = (draw(Scene(), seed, 8) for seed in (1, 1, 2))
    assert torch.equal(first.boxes, again.boxes) and torch.equal(first.labels, again.labels)
    assert first.image_index.tolist() == again.image_index.tolist()
    assert first.boxes.shape != other.boxes.shape or not torch.equal(first.boxes, other.boxes)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("count", [(0, 3), (3, 2), (1.0, 2.0), (1,), (1, 2, 3), (True, 2)])
def test_a_bad_count_raises(count: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^count must be an increasing range of integers >= 1, got \["):
        Scene(count=count)


@pytest.mark.parametrize("overlap", [-0.1, 1.1, float("nan")])
def test_a_bad_overlap_raises(overlap: float) -> None:
    with pytest.raises(ValueError, match=r"^overlap must be in \[0, 1\], got "):
        Scene(overlap=overlap)


@pytest.mark.parametrize(("classes", "said"), [("cat", "for one class"), ([], "at least one")])
def test_bad_classes_raise(classes: list[str] | str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^classes must .*{said}"):
        Scene(classes=classes)
