from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.metrics import DetectionScores, OperatingPoint
from diode_pl.targets import Targets
from tests.metrics import two_processes
from tests.metrics.oracle import coco_evaluation
from tests.metrics.random_set import CLASSES, nothing, perfect, random_set, random_sizes, some_images
from tests.tiny import no_boxes

NAMES = ("disc", "ring", "star")
AVERAGES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
POINT = ("precision", "recall", "F1", "confidence")


def scores_of(
    detections: Sequence[Detections],
    targets: Targets,
    sizes: Sequence[tuple[int, int]],
    evaluated: Sequence[int] | None = None,
) -> DetectionScores:
    scores = DetectionScores(NAMES, evaluated)
    scores.update(detections, targets, sizes)
    return scores


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_pycocotools(seed: int) -> None:
    detections, targets = random_set(images=40, seed=seed, noise=0.015)
    sizes = random_sizes(40, seed)
    scores = scores_of(detections, targets, sizes)
    oracle = coco_evaluation(detections, targets, sizes, CLASSES)
    result = scores.compute()
    assert list(result) == [*AVERAGES, *POINT]
    assert [result[name] for name in AVERAGES] == pytest.approx(oracle.stats[:6].tolist(), abs=1e-12)
    assert len({result[name] for name in AVERAGES}) == 6 and all(0.05 < result[name] < 0.95 for name in AVERAGES)
    for label, name in enumerate(NAMES):
        curves, entry = oracle.eval["precision"][:, :, label, 0, -1], scores.per_class()[name]
        assert [entry["AP"], entry["AP50"]] == pytest.approx([curves.mean(), curves[0].mean()], abs=1e-12)
        assert entry["truths"] == int((targets.labels == label).sum())


def test_the_operating_point_is_passed_on() -> None:
    detections, targets = random_set()
    point = OperatingPoint(CLASSES)
    point.update(detections, targets)
    scores = scores_of(detections, targets, random_sizes(8))
    expected, result = point.compute(), scores.compute()
    assert [result[name] for name in POINT] == [float(expected[name]) for name in POINT]
    counts = torch.stack([expected[name] for name in ("truths", "true_positives", "false_positives")], 1).tolist()
    for entry, (truths, right, wrong) in zip(scores.per_class().values(), counts, strict=True):
        precision, recall = right / (right + wrong), right / truths
        assert (entry["truths"], entry["precision"], entry["recall"]) == (truths, precision, recall)
        assert entry["F1"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_what_is_small_is_measured_in_pixels() -> None:
    _, targets = random_set()
    boxes = targets.boxes.numpy()
    shares = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for side, expected in ((40, {"AP_small"}), (2000, {"AP_large"})):
        limits = np.array([0, 32**2, 96**2, 1e10]) / side**2
        assert expected == {
            f"AP_{area}"
            for area, low, high in zip(("small", "medium", "large"), limits, limits[1:], strict=False)
            if ((shares > low) & (shares < high)).any()
        }
        result = scores_of(perfect(targets), targets, [(side, side)] * 8).compute()
        assert {name for name in result if "_" in name} == expected
        assert all(result[name] == pytest.approx(1) for name in expected)


def test_perfect_detections_score_one() -> None:
    _, targets = random_set()
    scores = scores_of(perfect(targets), targets, random_sizes(8))
    result = scores.compute()
    assert result.pop("confidence") == pytest.approx(0.8)
    assert all(value == pytest.approx(1) for value in result.values())
    assert all(entry["AP"] == entry["AP50"] == pytest.approx(1) for entry in scores.per_class().values())


def test_a_second_find_of_a_truth_is_false() -> None:
    boxes = torch.tensor([[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]])
    targets = Targets.from_images([(boxes, torch.tensor([1, 1]))])
    found = Detections(boxes[[0, 0, 1]], torch.tensor([0.9, 0.8, 0.7]), torch.tensor([1, 1, 1]))
    scores = scores_of([found], targets, [(100, 100)])
    result = scores.compute()
    # Precision 1 at recalls up to 0.5, 2/3 at the 50 above.
    assert [result["AP"], result["AP50"]] == pytest.approx([(51 + 50 * 2 / 3) / 101] * 2)
    assert (result["precision"], result["recall"], result["F1"]) == pytest.approx((2 / 3, 1, 0.8))
    assert scores.per_class()["ring"]["precision"] == pytest.approx(2 / 3)


def test_classes_that_the_set_does_not_know_are_left_out() -> None:
    detections, targets = random_set()
    sizes = random_sizes(8)
    kept = [f.labels != 1 for f in detections]
    known = [Detections(f.boxes[k], f.scores[k], f.labels[k]) for f, k in zip(detections, kept, strict=True)]
    wanted = targets.keep(targets.labels != 1)
    expected = scores_of(known, wanted, sizes).compute()
    assert scores_of(detections, wanted, sizes, [0, 2]).compute() == expected
    assert scores_of(detections, targets, sizes, [2, 0]).compute() == expected
    assert scores_of(detections, wanted, sizes).compute() != expected
    assert list(scores_of(detections, wanted, sizes, [0, 2]).per_class()) == ["disc", "star"]


@pytest.mark.parametrize("found", ["some", "none"])
def test_without_targets_the_scores_are_zero(found: str) -> None:
    detections = random_set()[0] if found == "some" else nothing(8)
    scores = scores_of(detections, no_boxes(8), random_sizes(8))
    assert scores.compute() == dict.fromkeys(("AP", "AP50", "AP75", *POINT), 0)
    assert scores.per_class()["disc"] == {"truths": 0, "precision": 0, "recall": 0, "F1": 0}


def test_without_detections_the_scores_are_zero() -> None:
    _, targets = random_set()
    scores = scores_of(nothing(8), targets, random_sizes(8))
    assert set(scores.compute().values()) == {0}
    assert scores.per_class()["disc"]["AP"] == 0
    assert scores.per_class()["disc"]["truths"] > 0


def test_one_class_alone() -> None:
    targets = Targets.from_images([(torch.tensor([[0.1, 0.1, 0.5, 0.5]]), torch.tensor([0]))])
    scores = DetectionScores(["thing"])
    scores.update(perfect(targets), targets, [(50, 50)])
    entry = dict.fromkeys(("AP", "AP50", "AP75", "truths", "precision", "recall", "F1"), 1.0)
    assert scores.per_class() == {"thing": pytest.approx(entry)}


def test_a_class_without_a_truth_has_no_average() -> None:
    detections, targets = random_set()
    entry = scores_of(detections, targets.keep(targets.labels != 1), random_sizes(8)).per_class()["ring"]
    assert entry["truths"] == 0
    assert "AP" not in entry and "AP50" not in entry


def test_batches_add_up_and_reset_forgets_them() -> None:
    detections, targets = random_set()
    sizes = random_sizes(8)
    scores = DetectionScores(NAMES)
    for part in (range(3), range(3, 8)):
        scores.update([detections[i] for i in part], some_images(targets, part), [sizes[i] for i in part])
    whole = scores_of(detections, targets, sizes)
    assert scores.compute() == whole.compute()
    assert scores.per_class() == whole.per_class()
    scores.reset()
    scores.update(perfect(targets), targets, sizes)
    assert scores.compute() == scores_of(perfect(targets), targets, sizes).compute()


def test_nothing_of_it_enters_a_checkpoint() -> None:
    detections, targets = random_set()
    assert not scores_of(detections, targets, random_sizes(8)).state_dict()


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    both = two_processes.run(tmp_path)
    whole, few = DetectionScores(two_processes.NAMES), DetectionScores(two_processes.NAMES)
    two_processes.update(whole, range(two_processes.IMAGES))
    two_processes.update(few, range(5))
    two_processes.update(few, range(5, 7), truths=False)
    alone = [[scores.compute(), scores.per_class()] for scores in (whole, few)]
    assert alone[0] != alone[1]
    assert both[0] == both[1] == [alone[0]] * len(two_processes.SHARES) + [alone[1]]


@pytest.mark.parametrize("evaluated", [[], [3], [-1, 0]])
def test_classes_that_do_not_exist_raise(evaluated: list[int]) -> None:
    with pytest.raises(ValueError, match="evaluated must hold labels from 0 to 2"):
        DetectionScores(NAMES, evaluated)


def test_bad_input_raises_and_leaves_nothing_behind(unchecked: None) -> None:
    detections, targets = random_set()
    scores = DetectionScores(NAMES)
    with pytest.raises(ValueError, match="of 3 images, targets of 8, sizes of 8"):
        scores.update(nothing(3), targets, random_sizes(8))
    with pytest.raises(ValueError, match="label 3, the classes are 0 to 2: map the classes"):
        scores.update(nothing(1), Targets.from_images([(torch.ones(1, 4), torch.tensor([3]))]), [(9, 9)])
    scores.update(detections, targets, random_sizes(8))
    assert scores.compute() == scores_of(detections, targets, random_sizes(8)).compute()
