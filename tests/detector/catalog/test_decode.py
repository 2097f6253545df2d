import pytest
import torch

from diode_pl.detector import Outputs
from tests.detector.detectors import SIZE, dense, every, no_targets, placed, small, some_images, some_targets


@every
@pytest.mark.parametrize("width", [SIZE, 96])
def test_shapes_and_ranges(name: str, width: int) -> None:
    detector = small(name)
    found = detector.decode(detector(some_images(2, SIZE, width)))
    count = found.objectness.shape[1]
    assert found.boxes.shape == (2, count, 4) and found.classes.shape == (2, count, len(detector.class_names))
    assert found.priors.shape[-2:] == (count, 4) and bool(found.boxes.isfinite().all())
    for each in (found.objectness, found.classes):
        assert bool(((each >= 0) & (each <= 1)).all()) and each.std() > 0.01
    assert bool((found.boxes[..., 2:] >= found.boxes[..., :2]).all())
    assert bool((found.priors[..., 2:] > found.priors[..., :2]).all())


@placed
def test_every_point_lies_in_as_many_cells_of_a_head_as_any_other(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images(1, SIZE, 96))
    found = detector.decode(outputs)
    assert found.cells is not None and found.cells.shape == found.priors.shape
    # Edges, where a point must have one cell and not two, among points from anywhere.
    points = torch.cat([torch.rand(500, 2), torch.arange(16)[:, None].expand(-1, 2) / 16])
    low, high = found.cells[:, None, :2], found.cells[:, None, 2:]
    inside = ((low <= points) & (points < high)).all(dim=2)
    for of_head in inside.split([head[0].numel() // head.shape[-1] for head in outputs.heads]):
        covers = of_head.sum(dim=0)
        assert covers[0] >= 1 and bool((covers == covers[0]).all())
    middle = (found.priors[:, :2] + found.priors[:, 2:]) / 2
    assert bool(((found.cells[:, :2] <= middle) & (middle < found.cells[:, 2:])).all())


@every
def test_gradient_reaches_the_images(name: str) -> None:
    for part in ("boxes", "objectness", "classes"):
        detector, images = small(name).freeze(), some_images().requires_grad_()
        getattr(detector.decode(detector(images)), part).square().sum().backward()
        assert bool(images.grad.isfinite().all()) and bool(images.grad.flatten(1).any(dim=1).all())


@every
def test_class_logits_are_in_the_order_of_the_candidates(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    found, logits = detector.decode(outputs), detector.class_logits(outputs)
    assert logits.shape == found.classes.shape
    if detector.class_activation == "softmax":
        torch.testing.assert_close(logits.softmax(dim=2)[found.objectness > 0], found.classes[found.objectness > 0])
    ranked = found.classes.gather(2, logits.argsort(dim=2))
    assert bool((ranked.diff(dim=2) >= 0).all())


def rows(outputs: Outputs) -> list[torch.Tensor]:
    """The heads as leaves."""
    return [head.detach().requires_grad_() for head in outputs.heads]


def with_heads(outputs: Outputs, heads: list[torch.Tensor]) -> Outputs:
    return Outputs(tuple(heads), outputs.features, outputs.strides, outputs.image_size)


@dense
def test_positives_are_candidates_and_know_their_target(name: str) -> None:
    detector, targets = small(name).double(), some_targets(torch.float64)
    outputs = detector(some_images(dtype=torch.float64))
    held, found, logits = (
        detector.match_predictions(outputs, targets),
        detector.decode(outputs),
        detector.class_logits(outputs),
    )
    assert held.target.unique().tolist() == [0, 2, 3], "all but the one that is switched off"
    assert held.image.equal(targets.image_index[held.target])
    classes = len(detector.class_names)
    assert held.class_logits.shape[1] == classes + (detector.class_activation == "softmax")
    for i, image in enumerate(held.image.tolist()):
        same = (found.boxes[image] - held.boxes[i]).abs().amax(dim=1) < 1e-9
        same &= (logits[image] - held.class_logits[i, :classes]).abs().amax(dim=1) < 1e-9
        assert int(same.sum()) == 1


@pytest.mark.parametrize("name", ["ssd", "ssdlite"])
def test_the_background_stands_last(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    held, found = detector.match_predictions(outputs, some_targets()), detector.decode(outputs)
    for i, image in enumerate(held.image.tolist()):
        background = held.class_logits[i].softmax(dim=0)[-1]
        assert ((1 - found.objectness[image]) - background).abs().min() < 1e-5


@every
def test_gradient_reaches_the_images_of_positives(name: str) -> None:
    for part in ("boxes", "class_logits"):
        detector, images = small(name).freeze(), some_images().requires_grad_()
        getattr(detector.match_predictions(detector(images), some_targets()), part).square().sum().backward()
        assert bool(images.grad.isfinite().all()) and bool(images.grad.flatten(1).any(dim=1).all())


@every
def test_no_boxes_have_no_positives_and_keep_the_graph(name: str) -> None:
    detector, images = small(name).freeze(), some_images().requires_grad_()
    held = detector.match_predictions(detector(images), no_targets())
    assert held.boxes.shape == (0, 4) and len(held.class_logits) == len(held.target) == len(held.image) == 0
    (held.boxes.sum() + held.class_logits.sum()).backward()
    assert not bool(images.grad.any())


@dense
def test_half_precision_comes_out_in_full(name: str) -> None:
    detector = small(name)
    outputs, targets = detector(some_images()), some_targets()
    half = [head.bfloat16() for head in outputs.heads]
    found = detector.match_predictions(with_heads(outputs, half), targets)
    wanted = detector.match_predictions(with_heads(outputs, [head.float() for head in half]), targets)
    assert found.boxes.dtype == found.class_logits.dtype == torch.float32
    assert found.boxes.equal(wanted.boxes) and found.class_logits.equal(wanted.class_logits)
    logits = detector.class_logits(with_heads(outputs, half))
    assert logits.dtype == torch.float32
