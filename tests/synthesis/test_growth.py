from typing import Any

import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.synthesis.growth import TargetGrowth
from diode_pl.targets import Targets

TARGET = (0.0, 0.0, 0.4, 0.4)


def targets(*per_image: list[tuple[tuple[float, ...], int]]) -> Targets:
    """Boxes with labels, a list an image."""
    boxes = [torch.tensor([box for box, _ in image]).reshape(-1, 4) for image in per_image]
    labels = [torch.tensor([label for _, label in image], dtype=torch.long) for image in per_image]
    return Targets.from_images(list(zip(boxes, labels, strict=True)))


def found(*entries: tuple[tuple[float, ...], float, int]) -> Detections:
    """Detections from (box, score, label)."""
    return Detections(
        torch.tensor([e[0] for e in entries]).reshape(-1, 4),
        torch.tensor([e[1] for e in entries], dtype=torch.float32),
        torch.tensor([e[2] for e in entries], dtype=torch.long),
    )


def added(detections: Detections, initial: Targets | None = None, earlier: Targets | None = None) -> list[list[float]]:
    """Boxes that one round adds to a single image."""
    _, grown = TargetGrowth().grow(initial or targets([(TARGET, 0)]), earlier or targets([]), [detections])
    return [[round(v, 4) for v in box] for box in grown.boxes.tolist()]


def test_a_sure_prediction_elsewhere_becomes_a_target_with_its_label() -> None:
    kept, grown = TargetGrowth().grow(targets([(TARGET, 0)]), targets([]), [found(((0.5, 0.5, 0.9, 0.9), 0.8, 3))])
    torch.testing.assert_close(kept.boxes, torch.tensor([TARGET]))
    torch.testing.assert_close(grown.boxes, torch.tensor([[0.5, 0.5, 0.9, 0.9]]))
    assert grown.labels.tolist() == [3] and grown.image_index.tolist() == [0]


@pytest.mark.parametrize(("score", "count"), [(0.19, 0), (0.2, 0), (0.21, 1), (1.0, 1)])
def test_it_must_score_above_the_confidence(score: float, count: int) -> None:
    assert len(added(found(((0.5, 0.5, 0.9, 0.9), score, 0)))) == count


@pytest.mark.parametrize(("width", "count"), [(0.15, 0), (0.13, 1), (0.4, 0)])
def test_it_must_overlap_every_target_by_less_than_the_limit(width: float, count: int) -> None:
    # Within the target: the overlap is the share of the target's width; 0.15 / 0.4 = 0.375, 0.13 / 0.4 = 0.325.
    assert len(added(found(((0.0, 0.0, width, 0.4), 0.9, 1)))) == count


def test_targets_of_another_image_do_not_count() -> None:
    initial = targets([((0.5, 0.5, 0.9, 0.9), 0)], [(TARGET, 0)])
    _, grown = TargetGrowth().grow(initial, targets([], []), [found(), found(((0.5, 0.5, 0.9, 0.9), 0.9, 1))])
    assert grown.image_index.tolist() == [1]


def test_targets_of_earlier_rounds_count() -> None:
    earlier = targets([((0.5, 0.5, 0.9, 0.9), 2)])
    assert added(found(((0.52, 0.5, 0.9, 0.9), 0.9, 1)), earlier=earlier) == [[0.5, 0.5, 0.9, 0.9]]


@pytest.mark.parametrize(
    ("box", "count"),
    [
        ((0.5, 0.5, 0.59, 0.59), 0),
        ((0.5, 0.5, 0.61, 0.61), 1),
        ((0.0, 0.0, 0.92, 0.92), 1),
        ((0.0, 0.0, 0.95, 0.95), 0),
        ((-0.5, 0.6, 0.02, 0.9), 0),
    ],
)
def test_its_area_inside_the_image_must_be_neither_tiny_nor_huge(box: tuple[float, ...], count: int) -> None:
    assert len(added(found((box, 0.9, 0)), initial=targets([((0.9, 0.9, 1.0, 1.0), 0)]))) == count


def test_it_is_cut_at_the_image() -> None:
    assert added(found(((0.6, 0.7, 1.3, 1.1), 0.9, 0))) == [[0.6, 0.7, 1.0, 1.0]]


def test_no_object_gets_two_boxes() -> None:
    same = found(((0.5, 0.5, 0.9, 0.9), 0.9, 1), ((0.52, 0.5, 0.9, 0.9), 0.8, 2), ((0.5, 0.1, 0.9, 0.4), 0.7, 2))
    assert added(same) == [[0.5, 0.5, 0.9, 0.9], [0.5, 0.1, 0.9, 0.4]]


def test_an_image_without_targets_can_gain_its_first() -> None:
    assert len(added(found(((0.5, 0.5, 0.9, 0.9), 0.9, 1)), initial=targets([]))) == 1


def test_without_predictions_nothing_changes() -> None:
    kept, grown = TargetGrowth().grow(targets([(TARGET, 4)]), targets([((0.5, 0.5, 0.6, 0.6), 1)]), [found()])
    assert kept.labels.tolist() == [4] and grown.labels.tolist() == [1]


def removed(initial: Targets, detections: Detections, earlier: Targets | None = None) -> list[int]:
    """Labels of the initial targets that stay."""
    growth = TargetGrowth(remove=True)
    return growth.grow(initial, earlier or targets([]), [detections])[0].labels.tolist()


OTHER = (0.5, 0.5, 0.9, 0.9)


@pytest.mark.parametrize(
    ("detection", "stays"),
    [
        ((OTHER, 0.9, 1), True),
        ((OTHER, 0.9, 2), False),  # another class
        ((OTHER, 0.1, 1), False),  # not sure
        (((0.5, 0.5, 0.9, 0.72), 0.9, 1), True),  # overlap 0.55
        (((0.5, 0.5, 0.9, 0.68), 0.9, 1), False),  # overlap 0.45
    ],
)
def test_initial_targets_that_nobody_sees_can_be_dropped(detection, stays: bool) -> None:
    initial = targets([(TARGET, 0), (OTHER, 1)])
    assert removed(initial, found((TARGET, 0.9, 0), detection)) == ([0, 1] if stays else [0])


def test_the_best_seen_target_stays_when_all_would_go() -> None:
    initial = targets([(TARGET, 0), (OTHER, 1)])
    assert removed(initial, found(((0.5, 0.5, 0.9, 0.66), 0.9, 1))) == [1]
    assert len(removed(initial, found())) == 1


def test_a_target_of_an_earlier_round_suffices() -> None:
    assert removed(targets([(OTHER, 1)]), found(), earlier=targets([(TARGET, 0)])) == []


def test_initial_targets_stay_unless_asked() -> None:
    kept, _ = TargetGrowth().grow(targets([(TARGET, 0), (OTHER, 1)]), targets([]), [found()])
    assert len(kept) == 2


@pytest.mark.parametrize(("budget", "expected"), [(1.0, range(800, 2801, 100)), (0.1, range(80, 281, 10))])
def test_rounds_are_due_at_the_published_iterations(budget: float, expected: range) -> None:
    growth = TargetGrowth()
    assert [i for i in range(5001) if growth.due(i, budget)] == list(expected)


def test_the_last_round_is_not_after_the_stop() -> None:
    growth = TargetGrowth(every=30, start=10, stop=75)
    assert [i for i in range(200) if growth.due(i)] == [10, 40, 70]


@pytest.mark.parametrize(("limit", "labels"), [(None, [0, 0, 0, 0, 1]), (2.0, [0, 0, 1]), (1.0, [0, 1])], ids=str)
def test_no_class_takes_more_than_its_share(limit: float | None, labels: list[int]) -> None:
    corners = [(0.5, 0.5), (0.5, 0.0), (0.0, 0.5)]
    first = found(*[((x, y, x + 0.3, y + 0.3), 0.9, 0) for x, y in corners])
    second = found(((0.5, 0.5, 0.8, 0.8), 0.3, 1), ((0.0, 0.0, 0.4, 0.4), 0.25, 0))
    growth = TargetGrowth(remove=True, class_limit=limit)
    _, grown = growth.grow(targets([], []), targets([], []), [first, second], num_classes=3)
    assert sorted(grown.labels.tolist()) == labels


def test_the_best_scores_of_all_images_come_first() -> None:
    images = [found(((0.5, 0.5, 0.9, 0.9), score, 0)) for score in (0.3, 0.9, 0.6)]
    growth = TargetGrowth(class_limit=2.0)
    _, grown = growth.grow(targets([], [], []), targets([], [], []), images, num_classes=8)
    assert sorted(grown.image_index.tolist()) == [1, 2]


def test_the_limit_of_a_class_is_at_least_its_mean() -> None:
    with pytest.raises(ValueError, match="class_limit must be >= 1 or None, got 0.5"):
        TargetGrowth(class_limit=0.5)


WRONG = [{"every": 0}, {"start": 10, "stop": 9}, {"start": -1}, {"nms_iou": -0.1}, {"seen_iou": 1.1}]
WRONG += [{"area": (0.5, 0.1)}, {"area": (0.1,)}, {"area": (-0.1, 0.5)}, {"confidence": float("nan")}]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_bad_arguments_raise(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(arguments))}( and stop)? must be"):
        TargetGrowth(**arguments)
