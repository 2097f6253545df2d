"""Errors made by hand, one of each type, and what each of them costs."""

import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.metrics import ERROR_TYPES, find_errors, summarize_errors
from diode_pl.targets import Targets

MUG, KEY = 0, 1
# Two objects far apart, on an image of side 1.
TRUTH = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.6, 0.6, 1.0, 1.0]])
LABELS = torch.tensor([MUG, KEY])
HIT, HIT_KEY = (0.0, 0.0, 0.4, 0.4), (0.6, 0.6, 1.0, 1.0)
SHIFTED = (0.2, 0.0, 0.6, 0.4)  # IoU 1/3 with the mug
TOUCHING = (0.36, 0.0, 0.76, 0.4)  # IoU 1/19
AWAY = (0.0, 0.7, 0.2, 0.9)


def found(*rows: tuple[tuple[float, ...], float, int]) -> Detections:
    boxes, scores, labels = zip(*rows, strict=True) if rows else ((), (), ())
    return Detections(torch.tensor(boxes).reshape(-1, 4), torch.tensor(scores), torch.tensor(labels, dtype=torch.long))


@pytest.mark.parametrize(
    ("box", "label", "kind", "missed"),
    [
        (HIT, MUG, "correct", [False, True]),
        (HIT, KEY, "classification", [False, True]),
        (SHIFTED, MUG, "localization", [False, True]),
        (SHIFTED, KEY, "both", [True, True]),
        (TOUCHING, MUG, "background", [True, True]),
        (AWAY, KEY, "background", [True, True]),
    ],
)
def test_one_detection_is_of_one_type(box: tuple[float, ...], label: int, kind: str, missed: list[bool]) -> None:
    errors = find_errors(found((box, 0.9, label)), TRUTH, LABELS)
    assert errors.kinds == [kind]
    assert errors.missed.tolist() == missed


def test_the_second_of_two_detections_of_an_object_is_a_duplicate() -> None:
    errors = find_errors(found((HIT, 0.6, MUG), (HIT, 0.9, MUG)), TRUTH, LABELS)
    assert errors.kinds == ["duplicate", "correct"] and errors.truths.tolist() == [-1, 0]


def test_the_own_class_comes_first() -> None:
    """A mug near the mug that lies upon a key: badly located, not taken for a key."""
    boxes = torch.tensor([HIT, SHIFTED])
    assert find_errors(found((SHIFTED, 0.9, MUG)), boxes, LABELS).kinds == ["localization"]
    # Without a mug that is near, it is taken for one.
    boxes = torch.tensor([HIT_KEY, SHIFTED])
    assert find_errors(found((SHIFTED, 0.9, MUG)), boxes, LABELS).kinds == ["classification"]


def test_images_without_truths_or_detections() -> None:
    bare = find_errors(found((HIT, 0.9, MUG)), torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert bare.kinds == ["background"] and bare.missed.tolist() == []
    empty = find_errors(found(), TRUTH, LABELS)
    assert empty.kinds == [] and empty.missed.tolist() == [True, True]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([(HIT, 0.9, KEY), (HIT_KEY, 0.8, KEY)], "classification"),
        ([(SHIFTED, 0.9, MUG), (HIT_KEY, 0.8, KEY)], "localization"),
        ([(SHIFTED, 0.9, KEY), (HIT, 0.8, MUG), (HIT_KEY, 0.7, KEY)], "both"),
        ([(HIT, 0.9, MUG), (HIT_KEY, 0.8, KEY), (HIT, 0.85, MUG), (HIT_KEY, 0.95, KEY)], "duplicate"),
        ([(AWAY, 0.9, MUG), (HIT, 0.8, MUG), (HIT_KEY, 0.7, KEY)], "background"),
        ([(HIT, 0.9, MUG)], "missed"),
    ],
)
def test_without_its_only_type_of_error_a_detector_is_perfect(rows: list, kind: str) -> None:
    summary = summarize_errors([found(*rows)], Targets.from_images([(TRUTH, LABELS)]))
    if kind == "duplicate":  # after the first correct one, it costs nothing at a recall of 1
        assert summary.ap50 == pytest.approx(1) and summary.costs[kind] == pytest.approx(0)
    else:
        assert summary.ap50 < 0.99
        assert summary.ap50 + summary.costs[kind] == pytest.approx(1), summary
    others = set(ERROR_TYPES) - {kind}
    assert summary.counts[kind] == (2 if kind == "duplicate" else 1)
    assert not any(summary.counts[other] for other in others), summary


def test_a_duplicate_before_another_object_costs() -> None:
    """Precision at the second mug: 2 of 3, at recalls above one half; 1 without the duplicate."""
    boxes, labels = torch.tensor([HIT, HIT_KEY]), torch.tensor([MUG, MUG])
    rows = [(HIT, 0.9, MUG), (HIT, 0.8, MUG), (HIT_KEY, 0.7, MUG)]
    summary = summarize_errors([found(*rows)], Targets.from_images([(boxes, labels)]))
    assert summary.costs["duplicate"] == pytest.approx(50 / 101 / 3, abs=1e-6)


def test_of_several_that_are_mended_only_the_best_remains() -> None:
    """Two misclassified detections of one mug: the better one becomes right, and the other is no false positive."""
    rows = [(HIT, 0.9, KEY), (HIT, 0.8, KEY), (HIT_KEY, 0.7, KEY)]
    summary = summarize_errors([found(*rows)], Targets.from_images([(TRUTH, LABELS)]))
    assert summary.ap50 + summary.costs["classification"] == pytest.approx(1)


def test_counts_are_of_confident_detections_only() -> None:
    rows = [(HIT, 0.9, MUG), (AWAY, 0.2, MUG), (HIT_KEY, 0.1, KEY)]
    summary = summarize_errors([found(*rows)], Targets.from_images([(TRUTH, LABELS)]), confidence=0.3)
    assert summary.counts == dict.fromkeys(ERROR_TYPES, 0) | {"missed": 1}


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="background < foreground"):
        find_errors(found(), TRUTH, LABELS, foreground=0.1, background=0.5)
    with pytest.raises(ValueError, match="detections of 1 images and targets of 2"):
        summarize_errors([found()], Targets.from_images([(TRUTH, LABELS)] * 2))
