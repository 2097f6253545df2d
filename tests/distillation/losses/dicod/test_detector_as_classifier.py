import pytest
import torch
from torchvision.ops import box_iou

from diode_pl.detector.darknet.layers import Convolution
from diode_pl.distillation.losses.dicod import DetectorAsClassifier, detector_as_classifier
from tests.distillation.losses.batches import NAMES, answer, make_batch, network

BOXES = torch.tensor([[0.1, 0.2, 0.4, 0.6], [0.5, 0.5, 0.9, 0.8], [0.0, 0.0, 1.0, 1.0], [0.3, 0.3, 0.35, 0.35]])
INDEX = torch.tensor([1, 0, 1, 0])


def ready(teacher) -> DetectorAsClassifier:
    classifier = DetectorAsClassifier()
    classifier.check(teacher, network(seed=1))
    return classifier


@pytest.mark.parametrize("pairs", [2**20, 1])
def test_it_says_what_the_best_candidate_says(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_as_classifier, "_PAIRS_AT_ONCE", pairs)
    teacher = network()
    told = answer(teacher, seed=3, scale=2)
    found = ready(teacher).object_logits(make_batch(teacher, told, teacher, told), BOXES, INDEX)
    dense, rows = teacher.decode(told), [torch.cat([h[i, ..., 5:].flatten(0, 2) for h in told.heads]) for i in (0, 1)]
    for box, image, logits in zip(BOXES, INDEX.tolist(), found, strict=True):
        score = dense.objectness[image] * box_iou(box[None], dense.boxes[image])[0]
        torch.testing.assert_close(logits, rows[image][score.argmax()])
    assert found.shape == (4, len(NAMES))


def test_its_logits_have_no_gradient_and_are_not_rounded() -> None:
    teacher = network()
    told = answer(teacher)
    for head in told.heads:
        head[..., 5:] = 40.0  # a probability that float32 takes for 1
        head.requires_grad_()
    found = ready(teacher).object_logits(make_batch(teacher, told, teacher, told), BOXES, INDEX)
    assert bool((found == 40).all()) and not found.requires_grad


def test_where_no_candidate_sees_anything_it_says_nothing() -> None:
    teacher = network()
    told = answer(teacher)
    for head in told.heads:
        head[0, ..., 4] = -200.0  # an objectness that is 0
        head[1, ..., 2:4] = -5.0  # boxes far smaller than a cell
        head[1, ..., :2] = 0.0  # in its middle
    boxes = torch.tensor([[0.1, 0.2, 0.4, 0.6], [0.1, 0.2, 0.4, 0.6], [0.0, 0.0, 0.001, 0.001]])
    found = ready(teacher).object_logits(make_batch(teacher, told, teacher, told), boxes, torch.tensor([0, 1, 1]))
    assert (found == -torch.inf).all(dim=1).tolist() == [True, False, True] and bool(found[1].isfinite().all())


def test_its_layers_are_the_teachers_stem() -> None:
    teacher = network().freeze()
    classifier, crops = ready(teacher), torch.rand(3, 3, 16, 16, requires_grad=True)
    (found,) = classifier.features(crops)
    torch.testing.assert_close(found, teacher.forward_stem(crops))
    found.square().sum().backward()
    assert bool(crops.grad.any())


def test_the_teacher_stays_outside_of_it() -> None:
    classifier = ready(network())
    assert not classifier.state_dict() and not list(classifier.parameters())
    assert classifier.class_names == NAMES and classifier.kind == "sigmoid" and classifier.needs_detector


def test_classes_that_the_teacher_never_learned_are_not_taught() -> None:
    teacher = network()
    for layer in teacher.layers:
        if isinstance(layer, Convolution) and layer.norm is None:  # those before a head: dog and cup are twins
            rows = layer.conv.weight.data.unflatten(0, (-1, 8))
            rows[:, 7] = rows[:, 6]
    assert ready(teacher).learned_classes() == {"cat": 0}


def test_what_it_cannot_serve_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^teacher: .* got None; TrainedClassifier needs none"):
        DetectorAsClassifier().check(None, network())
    with pytest.raises(ValueError, match="crop_size must be >= 8 pixels, got 4"):
        DetectorAsClassifier(crop_size=4)
