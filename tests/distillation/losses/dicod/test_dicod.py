import math
import re
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from diode_pl.detector import Darknet, Detector, MatchedPredictions, Outputs
from diode_pl.distillation.losses import Dicod, DistillationBatch
from diode_pl.distillation.losses.dicod import CropTeacher, DetectorAsClassifier
from diode_pl.distillation.losses.dicod.classification_kd import (
    bernoulli_divergence,
    l1_normalized_divergence,
    softmax_divergence,
)
from diode_pl.distillation.losses.dicod.localization_kd import crop_distances
from diode_pl.targets import Targets
from tests.distillation.losses.batches import SIZE, answer, learnable, network, outputs
from tests.distillation.losses.dicod.cases import toy
from tests.tiny import TinyDetector, no_boxes

BOXES = Targets(
    torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8], [0.2, 0.6, 0.4, 0.9]]),
    torch.tensor([0, 2, 1]),
    torch.tensor([0, 2, 2]),
    3,
)


def images(count: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(5)).to(dtype)


def said_by(net: Darknet, seed: int = 2, scale: float = 1.0) -> Outputs:
    return answer(net, count=3, seed=seed, scale=scale)


def prepared(loss: Dicod, student: Darknet, teacher: Darknet | None = None) -> Dicod:
    loss.prepare(teacher, student, SIZE)
    return loss


def given(student: Darknet, said: Outputs, targets: Targets = BOXES) -> DistillationBatch:
    return DistillationBatch(images(len(said.heads[0])), student, None, said, None, targets)


class Softmax(Darknet):
    """A student that says of its class logits that they are those of a softmax with background, which it puts last."""

    class_activation = "softmax"

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        found = super().match_predictions(outputs, targets)
        return replace(found, class_logits=torch.cat([found.class_logits, found.boxes[:, :1] * 3 - 1], dim=1))


def softmax_student() -> Softmax:
    student = network()
    student.__class__ = Softmax
    return student


def by_hand(loss: Dicod, batch: DistillationBatch, form) -> tuple[Tensor, Tensor]:
    """The class and box part of a term whose positives are all of use."""
    positives = batch.student.match_predictions(batch.student_outputs, batch.targets)
    boxes = batch.targets.boxes[positives.target]
    taught = loss.classifier.object_logits(batch, boxes, positives.image)
    classes = 4 * form(positives.class_logits, taught, 2.0).mean()
    sums = crop_distances(batch.images, positives.boxes, boxes, positives.image, loss.classifier.features, 8, 4, 8)
    return classes, sums.sum() / len(boxes)


def test_value_is_the_weighted_sum_of_the_parts() -> None:
    student = network()
    batch = given(student, said_by(student))
    loss = prepared(Dicod(toy()), student)
    term = loss(batch)
    classes, boxes = by_hand(loss, batch, bernoulli_divergence)
    torch.testing.assert_close(term, 0.4 * classes + 0.15 * boxes)
    parts = loss.parts
    assert set(parts) == {
        "classification", "localization_image", "localization_features", "positives", "dropped_boxes"
    }  # fmt: skip
    torch.testing.assert_close(parts["classification"], classes)
    torch.testing.assert_close(parts["localization_image"] + parts["localization_features"], boxes)
    positives = student.match_predictions(batch.student_outputs, BOXES)
    assert float(parts["positives"]) == pytest.approx(len(positives.target) / 3) and parts["dropped_boxes"] == 0
    assert all(part.shape == () and not part.requires_grad for part in parts.values())


@pytest.mark.parametrize("key", ["classification", "localization"])
def test_factors_scale_their_part_and_are_checked(key: str) -> None:
    student = network()
    batch = given(student, said_by(student))
    gains = [{"classification": 0.0, "localization": 0.0, key: gain} for gain in (1.0, 2.0)]
    once, twice = (prepared(Dicod(toy(), **gain), student)(batch) for gain in gains)
    assert once > 0
    torch.testing.assert_close(twice, 2 * once)
    with pytest.raises(ValueError, match=r"classification and localization must not both be 0"):
        Dicod(toy(), classification=0.0, localization=0.0)
    with pytest.raises(ValueError, match=f"Dicod: {key} must be finite and >= 0, got -1"):
        Dicod(toy(), **{key: -1.0})


def test_the_form_follows_the_students_head() -> None:
    sigmoid, softmax = network(), softmax_student()
    for student, form, kind, expected in (
        (sigmoid, None, "sigmoid", bernoulli_divergence),
        (sigmoid, "l1_normalized", "sigmoid", l1_normalized_divergence),
        (sigmoid, "l1_normalized", "softmax", lambda *a: l1_normalized_divergence(*a, True)),
        (softmax, None, "softmax", softmax_divergence),
        (softmax, None, "sigmoid", softmax_divergence),
    ):
        batch = given(student, said_by(student))
        loss = prepared(Dicod(toy(kind=kind), form=form), student)
        loss(batch)
        torch.testing.assert_close(loss.parts["classification"], by_hand(loss, batch, expected)[0])


def test_logits_of_a_softmax_never_go_through_a_sigmoid() -> None:
    with pytest.raises(ValueError, match=r"^Dicod: form: .*trained for a softmax.*take l1_normalized.*train the class"):
        prepared(Dicod(toy(kind="softmax")), network())
    with pytest.raises(ValueError, match=r"form=l1_normalized is for students with a sigmoid.*None suits them"):
        prepared(Dicod(toy(), form="l1_normalized"), softmax_student())


def test_one_class_cannot_be_compared_with_others() -> None:
    student = network(names=("cat", "cow", "owl"))
    said = r"form=l1_normalized .* share only cat; take None, or classification=0"
    with pytest.raises(ValueError, match=said):
        prepared(Dicod(toy(), form="l1_normalized"), student)
    batch = given(student, said_by(student))
    for options in ({"form": None}, {"form": "l1_normalized", "classification": 0.0}):
        assert prepared(Dicod(toy(), **options), student)(batch) > 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_class_part_is_scaled_by_the_square_of_the_temperature(temperature: float) -> None:
    student = network()
    batch = given(student, said_by(student))
    loss = prepared(Dicod(toy(), temperature=temperature), student)
    loss(batch)
    positives = student.match_predictions(batch.student_outputs, BOXES)
    taught = loss.classifier.object_logits(batch, BOXES.boxes[positives.target], positives.image)
    mean = bernoulli_divergence(positives.class_logits, taught, temperature).mean()
    torch.testing.assert_close(loss.parts["classification"], temperature**2 * mean)


def test_the_class_part_teaches_only_cells_that_answer_for_a_labeled_box() -> None:
    student = network()
    said = said_by(student)
    heads = learnable(said)
    prepared(Dicod(toy(), localization=0.0), student)(given(student, said)).backward()
    centers = (BOXES.boxes[:, :2] + BOXES.boxes[:, 2:]) / 2
    for head in heads:
        assert not bool(head.grad[..., :5].any())
        side = head.shape[2]
        owners = {
            (image, int(y * side), int(x * side))
            for image, (x, y) in zip(BOXES.image_index.tolist(), centers.tolist(), strict=True)
        }
        taught = {(image, row, column) for image, _, row, column, _ in torch.nonzero(head.grad).tolist()}
        assert taught <= owners and len(owners) == 3 < 2 * side * side
    assert any(bool(head.grad.any()) for head in heads)


def test_boxes_in_which_the_classifier_sees_nothing_are_dropped_and_counted() -> None:
    student, classifier = network(), toy()
    said, of_toy = said_by(student), classifier.object_logits
    heads = learnable(said)

    def object_logits(batch: DistillationBatch, boxes: Tensor, image_index: Tensor) -> Tensor:
        nothing = (image_index == 0) & (boxes[:, 0] == BOXES.boxes[0, 0])
        return of_toy(batch, boxes, image_index).masked_fill(nothing[:, None], -torch.inf)

    positives = student.match_predictions(said, BOXES)
    lost = positives.target == 0
    wanted = of_toy(None, BOXES.boxes[positives.target], positives.image)[~lost]
    classifier.object_logits = object_logits
    loss = prepared(Dicod(classifier, localization=0.0), student)
    loss(given(student, said)).backward()
    assert 0 < int(lost.sum()) < len(lost)
    assert float(loss.parts["dropped_boxes"]) == pytest.approx(int(lost.sum()) / 3)  # an image
    expected = 4 * bernoulli_divergence(positives.class_logits[~lost], wanted, 2.0).mean()
    torch.testing.assert_close(loss.parts["classification"], expected.detach())
    assert not any(bool(head.grad[0].any()) for head in heads)
    assert any(bool(head.grad[2].any()) for head in heads)
    assert all(bool(head.grad.isfinite().all()) for head in heads)


def test_positives_of_one_box_share_one_answer_of_the_classifier() -> None:
    student, classifier = network(), toy()
    batch = given(student, said_by(student))
    prepared(Dicod(classifier), student)(batch)
    assert len(classifier.asked) == 1 and classifier.asked[0].equal(BOXES.boxes)
    assert len(student.match_predictions(batch.student_outputs, BOXES).target) > len(BOXES)


def test_the_denominator_of_the_papers_code_counts_images_without_positives() -> None:
    student = network()
    batch = given(student, said_by(student))
    values = {}
    for reduction in ("mean", "paper_code"):
        loss = prepared(Dicod(toy(), reduction=reduction), student)
        loss(batch)
        values[reduction] = loss.parts
    count = len(student.match_predictions(batch.student_outputs, BOXES).target)
    torch.testing.assert_close(
        values["paper_code"]["classification"] * (count + 1), values["mean"]["classification"] * count
    )
    for name in ("localization_image", "localization_features"):
        torch.testing.assert_close(values["paper_code"][name], values["mean"][name])


def test_classes_are_matched_by_name_and_unknown_ones_left_out() -> None:
    student = network(names=("Dog", "cow", "cat"))  # of the classifier's, the cup is missing; the cow is its own
    said = said_by(student)
    heads = learnable(said)
    targets = replace(BOXES, labels=torch.tensor([1, 0, 2]))  # the first box shows a cow
    loss = prepared(Dicod(toy(), localization=0.0, classification=1.0), student)
    term = loss(given(student, said, targets))
    positives = student.match_predictions(said, targets)
    known = positives.target > 0
    taught = loss.classifier.object_logits(None, targets.boxes, targets.image_index)[positives.target[known]]
    own = positives.class_logits[known]
    torch.testing.assert_close(term, 4 * bernoulli_divergence(own[:, [0, 2]], taught[:, [1, 0]], 2.0).mean())
    term.backward()
    for head in heads:
        assert not bool(head.grad[0].any()), "the box of the cow"
        assert not bool(head.grad[..., 6].any()), "the logit of the cow"
    assert any(bool(head.grad[2, ..., [5, 7]].any()) for head in heads)
    with pytest.raises(ValueError, match=r"^student and classifier: they share no class"):
        prepared(Dicod(toy()), network(names=("a", "b", "c")))


def test_gradient_reaches_class_logits_and_boxes_of_positives_alone() -> None:
    student, classifier = network(), toy()
    said = said_by(student)
    heads, pixels = learnable(said), images().requires_grad_()
    prepared(Dicod(classifier), student)(DistillationBatch(pixels, student, None, said, None, BOXES)).backward()
    assert pixels.grad is None and all(parameter.grad is None for parameter in classifier.parameters())
    assert not any(parameter.requires_grad for parameter in classifier.parameters())
    for head in heads:
        assert bool(head.grad[..., :4].any()) and bool(head.grad[..., 5:].any())
        assert not bool(head.grad[..., 4].any()) and not bool(head.grad[1].any())


def test_gradient_is_right() -> None:
    student = network().double()
    heads = [head.double().requires_grad_() for head in said_by(student).heads]
    loss = prepared(Dicod(toy(torch.float64)), student)

    def term(*heads: Tensor) -> Tensor:
        return loss(DistillationBatch(images(dtype=torch.float64), student, None, outputs(heads), None, BOXES))

    assert torch.autograd.gradcheck(term, heads, fast_mode=True, eps=1e-7, atol=1e-5)


def test_the_order_of_images_and_boxes_does_not_matter() -> None:
    student = network()
    said, loss = said_by(student), prepared(Dicod(toy()), student)
    value = loss(given(student, said))
    boxes = torch.tensor([2, 0, 1])
    shuffled = Targets(BOXES.boxes[boxes], BOXES.labels[boxes], 2 - BOXES.image_index[boxes], 3)
    turned = outputs([head.flip(0) for head in said.heads])
    # The toy's logits know the number of the image, so only the box part may be compared as it is.
    parts = dict(loss.parts)
    loss(DistillationBatch(images().flip(0), student, None, turned, None, shuffled))
    for name in ("localization_image", "localization_features", "positives"):
        torch.testing.assert_close(loss.parts[name], parts[name])
    reordered = Targets(BOXES.boxes[boxes], BOXES.labels[boxes], BOXES.image_index[boxes], 3)
    torch.testing.assert_close(loss(given(student, said, reordered)), value)


@pytest.mark.parametrize("reduction", ["mean", "paper_code"])
@pytest.mark.parametrize("targets", [no_boxes(3), BOXES.keep(torch.zeros(3, dtype=torch.bool))], ids=["none", "off"])
def test_no_boxes_cost_nothing(targets: Targets, reduction: str) -> None:
    student = network()
    said = said_by(student)
    heads, loss = learnable(said), prepared(Dicod(toy(), reduction=reduction), student)
    term = loss(given(student, said, targets))
    term.backward()
    assert term == 0 and not any(bool(head.grad.any()) for head in heads)
    assert loss.parts["positives"] == loss.parts["dropped_boxes"] == 0


@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_term_and_gradient_are_finite(scale: float) -> None:
    student = network()
    said = said_by(student, scale=scale)
    heads = learnable(said)
    term = prepared(Dicod(toy()), student)(given(student, said))
    term.backward()
    assert term.isfinite() and term > 0 and all(bool(head.grad.isfinite().all()) for head in heads)


def test_boxes_that_show_nothing_are_dropped_and_counted() -> None:
    student = network()
    said = said_by(student)
    positives = student.match_predictions(said, BOXES)
    lost = positives.image == 0
    for head in said.heads:
        head[0, ..., 2] = -9  # far narrower than a pixel
    heads, loss = learnable(said), prepared(Dicod(toy(), classification=0.0), student)
    loss(given(student, said)).backward()
    assert 0 < int(lost.sum()) < len(lost)
    assert float(loss.parts["dropped_boxes"]) == pytest.approx(int(lost.sum()) / 3)  # an image
    assert not any(bool(head.grad[0].any()) for head in heads)
    kept = positives.target[~lost]
    args = (positives.boxes[~lost], BOXES.boxes[kept], positives.image[~lost], loss.classifier.features, 8, 4, 8)
    wanted = crop_distances(images(), *args) / len(kept)
    torch.testing.assert_close(loss.parts["localization_image"], wanted[0])


def test_at_most_so_many_crops_drawn_by_the_step() -> None:
    student = network()
    said, loss = said_by(student), prepared(Dicod(toy(), max_crops=2), student)

    def drawn(loss: Dicod) -> float:
        loss(given(student, said))
        return float(loss.parts["localization_image"])

    state = torch.get_rng_state()
    values = [drawn(loss) for _ in range(3)]
    resumed = prepared(Dicod(toy(), max_crops=2), student)
    resumed.load_state_dict(loss.state_dict())
    torch.rand(7)  # whatever others have drawn in between
    assert [drawn(resumed) for _ in range(57)] == (further := [drawn(loss) for _ in range(57)])
    assert len({*values, *further}) > 3 and drawn(loss.eval()) == further[-1] == drawn(loss)
    torch.set_rng_state(state)
    drawn(resumed)
    assert torch.get_rng_state().equal(state), "nothing is drawn that others draw from"
    every = prepared(Dicod(toy(), max_crops=None), student)
    # Divided by the number that is used, so the mean over draws is the mean over all.
    assert sum(values + further) / 60 == pytest.approx(drawn(every), rel=0.2)


def test_the_box_part_warms_up_and_goes_on_after_a_resume() -> None:
    student = network()
    batch = given(student, said_by(student))
    full = prepared(Dicod(toy(), classification=0.0), student)(batch)
    loss = prepared(Dicod(toy(), classification=0.0, localization_warmup_steps=4), student)
    shares = [float((loss(batch) / full).detach()) for _ in range(3)]
    assert shares == pytest.approx([0.25, 0.5, 0.75])
    assert float((loss.eval()(batch) / full).detach()) == pytest.approx(0.75), "only training counts"
    resumed = prepared(Dicod(toy(), classification=0.0, localization_warmup_steps=4), student)
    resumed.load_state_dict(loss.state_dict())
    assert [float((resumed(batch) / full).detach()) for _ in range(2)] == pytest.approx([1, 1])


def test_half_precision_is_computed_in_full() -> None:
    student, loss = network(), Dicod(toy())
    prepared(loss, student)
    said = outputs([head.round() for head in said_by(student, scale=2).heads])  # bfloat16 holds whole numbers
    full = loss(given(student, said))
    half = outputs([head.bfloat16() for head in said.heads])
    heads = learnable(half)
    with torch.autocast("cpu", torch.bfloat16):
        term = loss(given(student, half))
    term.backward()
    assert term.dtype == torch.float32
    torch.testing.assert_close(term, full)
    assert all(bool(head.grad.isfinite().all()) for head in heads)


def test_the_classifier_is_frozen_outside_of_the_loss_and_follows_it() -> None:
    classifier = toy().train()
    loss = Dicod(classifier)
    assert not list(loss.parameters()) and list(loss.state_dict()) == ["count.steps"]
    loss.train()
    assert not classifier.training and not any(parameter.requires_grad for parameter in classifier.parameters())
    moved = []
    classifier.to = lambda device: moved.append(device)
    student = network()
    prepared(loss, student)(given(student, said_by(student)))
    assert moved == [torch.device("cpu")]


def test_the_frozen_detector_as_classifier_teaches_alone() -> None:
    teacher, student = network().freeze(), network(seed=1)
    loss = prepared(Dicod(DetectorAsClassifier(crop_size=16)), student, teacher)
    assert loss.needs_teacher and loss.needs_labels and not Dicod(toy()).needs_teacher
    optimizer, history = torch.optim.Adam(student.parameters(), 0.01), []
    pixels = F.interpolate(images()[..., :4, :4], size=SIZE, mode="bilinear")  # noise shows no way to a box
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(DistillationBatch(pixels, student, teacher, student(pixels), said_by(teacher, scale=3), BOXES))
        value.backward()
        optimizer.step()
        history.append(loss.parts)
    for name in ("classification", "localization_image", "localization_features"):
        assert history[-1][name] < 0.5 * history[0][name], (name, history[0], history[-1])
    assert all(parameter.grad is None for parameter in teacher.parameters())
    with pytest.raises(ValueError, match="^teacher: Dicod needs one, got None"):
        Dicod(DetectorAsClassifier()).prepare(None, student, SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be finite and > 0, got 0.0"),
        ({"temperature": math.inf}, "temperature must be finite and > 0, got inf"),
        ({"form": "softmax"}, 'form must be "l1_normalized" or None.*softmax'),
        ({"reduction": "sum"}, 'reduction must be "mean" or "paper_code", got \'sum\''),
        ({"image_pool": 0}, "image_pool must be >= 1, got 0"),
        ({"feature_pool": 0}, "feature_pool must be >= 1, got 0"),
        ({"localization_warmup_steps": -1}, "localization_warmup_steps must be >= 0, got -1"),
        ({"max_crops": 0}, "max_crops must be >= 1, got 0"),
        ({"weight": -1.0}, "weight must be finite and >= 0, got -1"),
    ],
)
def test_settings_that_make_no_sense(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"Dicod: {message}"):
        Dicod(toy(), **options)


def test_what_is_missing_is_said(unchecked: None) -> None:
    with pytest.raises(ValueError, match="classifier must be a crop teacher, got None"):
        Dicod(None)
    with pytest.raises(RuntimeError, match="prepare.* must come before the first step"):
        Dicod(toy())(given(network(), said_by(network())))


def test_a_crop_teacher_has_two_things_to_say() -> None:
    assert CropTeacher.__abstractmethods__ == {"object_logits", "features"}


@pytest.mark.parametrize(
    ("student", "teacher", "factors", "said"),
    [
        (TinyDetector(), network(), {}, "match_predictions()"),
        (network(), TinyDetector(), {}, "class_logits() and forward_stem()"),
        (network(), TinyDetector(), {"localization": 0.0}, "class_logits()"),
        (network(), TinyDetector(), {"classification": 0.0}, "forward_stem()"),
    ],
)
def test_a_detector_without_what_is_asked_is_refused_before_the_first_step(
    student: Detector, teacher: Detector, factors: dict[str, float], said: str
) -> None:
    message = f"TinyDetector does not implement {said} (docs/own_detector.md)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Dicod(DetectorAsClassifier(), **factors).prepare(teacher, student, SIZE)


def test_a_classifier_of_its_own_asks_nothing_of_the_teacher() -> None:
    Dicod(toy()).prepare(TinyDetector(), network(), SIZE)
