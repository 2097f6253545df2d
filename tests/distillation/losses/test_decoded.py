import math
from dataclasses import replace

import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence
from torchvision.ops import box_iou, generalized_box_iou

from diode_pl.detector import Darknet, DensePredictions, Detector, Outputs, RetinaNet
from diode_pl.distillation.losses import Decoded, DistillationBatch, decoded
from diode_pl.distillation.losses.compatibility import head_shapes
from diode_pl.distillation.losses.decoded import divergence
from diode_pl.targets import Targets
from tests.detector.torchvision.small_networks import faster_rcnn, images, retinanet
from tests.distillation.losses.batches import NAMES, SIZE, answer, clear_answer, learnable, make_batch, network, outputs
from tests.tiny import no_boxes

OTHER = ("cup", "cow", "Dog")  # another order, one class of its own, cat is missing


def student_of_other_build(seed: int = 1) -> Darknet:
    return network(coarse="9,9", fine="4,4, 12,12, 5,20", names=OTHER, seed=seed)


def term(loss: Decoded, teacher: Darknet, told: Outputs, student: Darknet, said: Outputs) -> torch.Tensor:
    loss.prepare(teacher, student, SIZE)
    return loss(make_batch(student, said, teacher, told))


def by_hand(teacher: Detector, told: Outputs, student: Detector, said: Outputs, candidates: int) -> list[float]:
    """Box, class and objectness part, added over the stages, candidate by candidate, in float64."""
    t = teacher.decode(told)
    stages = student.decode_stages(said, hints_by_hand(t, teacher, student, candidates))
    names = [name.lower() for name in teacher.class_names]
    shared = [(names.index(name.lower()), i) for i, name in enumerate(student.class_names) if name.lower() in names]
    return [sum(parts) for parts in zip(*(stage_by_hand(t, s, shared, candidates) for s in stages), strict=True)]


def hints_by_hand(t: DensePredictions, teacher: Detector, student: Detector, candidates: int) -> Targets:
    """Boxes that the teacher holds for an object of a shared class, best first, as if they were labels."""
    found = []
    for boxes, objectness, classes in zip(t.boxes, t.objectness, t.classes, strict=True):
        known = [teacher.class_names[c].lower() in [n.lower() for n in student.class_names] for c in classes.argmax(1)]
        objectness = objectness * torch.tensor(known)
        sure = objectness.topk(min(candidates, len(objectness))).indices
        sure = sure[objectness[sure] > 0.5]
        found.append((boxes[sure], torch.zeros(len(sure), dtype=torch.long)))
    return Targets.from_images(found)


def responsible(s: DensePredictions, image: int, i: int, box: list[float]) -> float:
    """How well an object suits a candidate of the student; 0 where the candidate does not answer for it."""
    priors = s.priors.expand(len(s.boxes), -1, -1)[image, i]
    if s.cells is None:
        overlap = float(box_iou(priors[None], torch.tensor([box])))
        return overlap if overlap >= 0.5 else 0.0
    (x1, y1, x2, y2), (px1, py1, px2, py2) = s.cells[i].tolist(), priors.tolist()
    if not (x1 <= (box[0] + box[2]) / 2 < x2 and y1 <= (box[1] + box[3]) / 2 < y2):
        return 0.0
    w, h = box[2] - box[0], box[3] - box[1]
    centered = torch.tensor([[-w, -h, w, h], [px1 - px2, py1 - py2, px2 - px1, py2 - py1]]) / 2
    fit = float(box_iou(centered[:1], centered[1:]))
    return fit if fit > 0.225 else 0.0


def stage_by_hand(
    t: DensePredictions, s: DensePredictions, shared: list[tuple[int, int]], candidates: int
) -> list[float]:
    box = classes = objectness = total = 0.0
    for image in range(len(t.boxes)):
        rows = []
        for b, o, c in zip(
            t.boxes[image].tolist(), t.objectness[image].tolist(), t.classes[image].tolist(), strict=True
        ):
            known = max(range(len(c)), key=c.__getitem__) in {there for there, _ in shared}
            rows.append((o if known else 0.0, b, c))
        rows = sorted(rows, key=lambda row: -row[0])[:candidates]
        for i in range(s.boxes.shape[1]):
            best, wanted, follow = 0.0, 0.0, None
            for o, b, c in rows:
                if o * (fit := responsible(s, image, i, b)) > best:
                    best, wanted, follow = o * fit, o, (b, c)
            total += wanted
            scale = 1.0 if s.has_objectness else s.objectness[image, i].item()
            if s.has_objectness:
                objectness += float(kl_divergence(Bernoulli(wanted), Bernoulli(s.objectness[image, i].double())))
            elif follow is None:
                silent = (Bernoulli(scale * share) for share in s.classes[image, i].double())
                objectness += sum(float(kl_divergence(Bernoulli(0.0), score)) for score in silent)
            if follow is not None:
                b, c = follow
                box += wanted * (1 - float(generalized_box_iou(s.boxes[image, i : i + 1], torch.tensor([b]))))
                for there, here in shared if s.classes.shape[2] else []:
                    found = Bernoulli(scale * s.classes[image, i, here].double())
                    if s.has_objectness:
                        classes += wanted * float(kl_divergence(Bernoulli(c[there]), found))
                    else:
                        classes += float(kl_divergence(Bernoulli(wanted * c[there]), found))
    return [part / max(1.0, total) for part in (box, classes, objectness)]


def random_answer_at_64() -> Outputs:
    """Of two images and two anchors, for the classes of NAMES."""
    draw = torch.Generator().manual_seed(3)
    return replace(outputs([torch.randn(2, 2, 8, 8, 8, generator=draw)]), image_size=(64, 64))


def require_parts_by_hand(teacher: Darknet, told: Outputs, student: Detector, said: Outputs) -> None:
    expected = by_hand(teacher, told, student, said, 20)
    for key, value in zip(("box", "classes", "objectness"), expected, strict=True):
        loss = Decoded(candidates=20, **{"box": 0.0, "classes": 0.0, "objectness": 0.0, key: 1.0})
        loss.prepare(teacher, student, 64)
        found = loss(DistillationBatch(images(2), student, teacher, said, told, no_boxes()))
        assert value > 0 and float(found) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("candidates", [300, 5])
def test_each_part_of_unlike_heads_and_classes(candidates: int) -> None:
    teacher, student = network(), student_of_other_build()
    told, said = answer(teacher, seed=1), answer(student, seed=2)
    expected = by_hand(teacher, told, student, said, candidates)
    for key, value in zip(("box", "classes", "objectness"), expected, strict=True):
        gains = {"box": 0.0, "classes": 0.0, "objectness": 0.0, key: 1.0}
        found = term(Decoded(candidates=candidates, **gains), teacher, told, student, said)
        assert value > 0 and float(found) == pytest.approx(value, rel=1e-4)


@torch.no_grad()
def test_each_part_of_a_student_of_two_stages() -> None:
    teacher = network(coarse="12,12, 30,30", fine=None)
    student = faster_rcnn(OTHER, box_batch_size_per_image=30)
    told, said = random_answer_at_64(), student(images(2))
    require_parts_by_hand(teacher, told, student, said)


def by_class() -> RetinaNet:
    torch.manual_seed(5)
    return RetinaNet(retinanet, weights=None, names=OTHER)


@torch.no_grad()
def test_each_part_of_a_student_that_scores_each_class_by_itself() -> None:
    teacher, student = network(coarse="12,12, 30,30", fine=None), by_class()
    told, said = random_answer_at_64(), student(images(2))
    require_parts_by_hand(teacher, told, student, said)


def test_a_class_that_leads_at_the_beginning_is_given_up() -> None:
    """Of shares of the highest score the highest is always 1, whichever class it is of."""
    teacher, student = network(coarse="24,24", fine=None), by_class()
    loss = Decoded()
    loss.prepare(teacher, student, 64)
    told = replace(outputs([torch.full((1, 1, 8, 8, 8), -20.0)]), image_size=(64, 64))
    told.heads[0][0, 0, 3, 3] = torch.tensor([0.0, 0, 0, 0, 8, -20, 8, -20])  # a dog, the last class of the student
    said = student(images(1))
    said = replace(said, heads=tuple(head.detach().clone() for head in said.heads))
    for head in said.heads:
        head[..., -3:] = torch.tensor([-1.0, -2.0, -2.0])
    heads = learnable(said)
    optimizer = torch.optim.Adam(heads, lr=0.1)
    for _ in range(80):
        optimizer.zero_grad()
        loss(DistillationBatch(images(1), student, teacher, said, told, no_boxes())).backward()
        optimizer.step()
    dense = student.decode(said)
    best = dense.objectness[0].argmax()
    assert dense.objectness[0, best] > 0.7 and dense.classes[0, best].tolist().index(1.0) == 2


def test_a_proposal_is_held_to_what_it_overlaps_by_half() -> None:
    boxes = torch.tensor([[[0.0, 0, 0.5, 1], [0, 0, 0.4, 1], [0.6, 0, 1, 1]]])
    priors = torch.tensor([[[0.0, 0, 0.25, 1], [0, 0, 0.5, 1], [0, 0, 0.24, 1], [0.6, 0, 1, 1], [0.5, 0, 0.7, 1]]])
    match, wanted = decoded._match_proposals(boxes, torch.tensor([[0.9, 0.8, 0.3]]), priors)
    # The first: 0.9 x 1/2 for the wider box, 0.8 x 5/8 for the other.
    assert match[0, [0, 1, 2, 3]].tolist() == [1, 0, 1, 2]
    assert wanted[0].tolist() == pytest.approx([0.8, 0.9, 0.8, 0.3, 0])
    flat = torch.tensor([[[0.2, 0.2, 0.2, 0.2]]])
    assert decoded._match_proposals(flat, torch.ones(1, 1), flat)[1].tolist() == [[0]], "a point covers nothing"


def test_each_step_may_have_another_resolution() -> None:
    teacher, student = network(), student_of_other_build()
    loss, draw = Decoded(), torch.Generator().manual_seed(4)
    for side in (64, 96, 64):
        both = [
            replace(
                outputs([torch.randn(2, *shape, generator=draw) for shape in head_shapes(net, side)]),
                image_size=(side, side),
            )
            for net in (teacher, student)
        ]
        expected = term(Decoded(), teacher, both[0], student, both[1])
        torch.testing.assert_close(term(loss, teacher, both[0], student, both[1]), expected)


def test_of_two_claims_on_one_object_the_better_one_is_followed() -> None:
    net = network(coarse="6,6, 8,8", fine=None)
    told, said = clear_answer(net, count=1), clear_answer(net, count=1)
    at = (0, 1, 0, 1)  # beside the sure one, the other anchor of the same cell, on which the teacher is unsure
    told.heads[0][at][4] = said.heads[0][at][4] = -1
    heads = learnable(said)
    loss = term(Decoded(), net, told, net, said)
    loss.backward()
    assert loss > 0.1
    assert heads[0].grad[at][4] < -0.1 and abs(float(heads[0].grad[0, 0, 0, 1, 4])) < 1e-5


def test_objectness_is_wanted_nowhere_else() -> None:
    net = network(fine="3,30")
    told, said = clear_answer(net), answer(net)
    heads = learnable(said)
    term(Decoded(), net, told, net, said).backward()
    sure = [head[..., 4] > 0 for head in told.heads]
    assert bool((heads[1].grad[..., 4] > 0).all()), "the finer head's anchor does not fit"
    assert bool((heads[0].grad[..., 4] < 0).equal(sure[0]))
    assert not bool(heads[0].grad[~sure[0]][:, [0, 1, 2, 3, 5, 6, 7]].abs().gt(1e-6).any()), "no box, no class"


@pytest.mark.parametrize(("logit", "center"), [(40.0, 1.0), (-40.0, 0.75)], ids=["corner of the image", "of a cell"])
def test_an_object_on_an_edge_belongs_to_one_cell(logit: float, center: float) -> None:
    net = network(coarse="8,8", fine=None)
    told, said = clear_answer(net, count=1), answer(net, count=1)
    told.heads[0][..., 4] = -20
    told.heads[0][0, 0, 3, 3] = torch.tensor([logit, logit, 0, 0, 6, 6, -20, -20])
    assert net.decode(told).boxes[0, -1].tolist() == [center - 0.125] * 2 + [center + 0.125] * 2
    heads = learnable(said)
    term(Decoded(), net, told, net, said).backward()
    assert (heads[0].grad[..., 4] < 0).nonzero().tolist() == [[0, 0, 3, 3]]


def test_what_the_student_has_no_class_for_is_no_object() -> None:
    teacher, student = network(fine=None), network(fine=None, names=("cup", "dog", "cow"))
    told, said = clear_answer(teacher, count=3), answer(student, count=3)
    heads = learnable(said)
    term(Decoded(), teacher, told, student, said).backward()
    wanted = (heads[0].grad[..., 4] < 0).flatten(1).any(dim=1)
    assert wanted.tolist() == [False, True, True], "the cat is nothing; the dog and the cup are something"
    assert not bool(heads[0].grad[..., 5 + 2].any()), "of the cow the teacher knows nothing"


def test_no_shared_class_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        Decoded().prepare(network(), network(names=("a", "b", "c")), SIZE)
    assert "['cat', 'dog', 'cup']" in str(error.value) and "['a', 'b', 'c']" in str(error.value)
    assert "share no class" in str(error.value) and str(error.value).startswith("student and teacher: ")


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="candidates must be >= 1, got 0"):
        Decoded(candidates=0)
    for threshold in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"anchor_threshold must be in \[0, 1\), got {threshold}"):
            Decoded(anchor_threshold=threshold)
    with pytest.raises(RuntimeError, match="prepare.* must come before the first step"):
        Decoded()(make_batch(network(), answer(network()), network(), answer(network())))


def test_divergence_equals_the_librarys_and_has_its_gradient() -> None:
    wanted, logits = torch.rand(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64, requires_grad=True)
    found = divergence(wanted, logits.sigmoid())
    torch.testing.assert_close(found, kl_divergence(Bernoulli(wanted), Bernoulli(logits=logits)))
    found.sum().backward()
    torch.testing.assert_close(logits.grad, logits.detach().sigmoid() - wanted)
    assert torch.autograd.gradcheck(lambda x: divergence(wanted, x.sigmoid()), logits)


@pytest.mark.parametrize("logit", [-25.0, -10.0, 3.0, 10.0, 15.0])
def test_divergence_of_probabilities_is_as_good_as_that_of_logits(logit: float) -> None:
    raw = torch.tensor([logit], requires_grad=True)
    value = divergence(torch.tensor([0.7]), raw.sigmoid())
    value.backward()
    exact = 0.7 * math.log(0.7) + 0.3 * math.log(0.3) + math.log1p(math.exp(logit)) - 0.7 * logit
    assert float(value.detach()) == pytest.approx(exact, rel=0.02)
    assert float(raw.grad) == pytest.approx(1 / (1 + math.exp(-logit)) - 0.7, rel=0.1)


def test_divergence_is_finite_at_the_ends() -> None:
    wanted, found = torch.tensor([0.0, 0, 1, 1, 0.5, 0.5]), torch.tensor([0.0, 1, 0, 1, 0, 1], requires_grad=True)
    value = divergence(wanted, found)
    value.sum().backward()
    assert bool(value.isfinite().all()) and bool(found.grad.isfinite().all())
    assert value.detach()[[0, 3]].tolist() == pytest.approx([0, 0], abs=1e-6) and bool((value[[1, 2]] > 10).all())


def test_a_student_of_another_build_comes_to_agree() -> None:
    teacher, student = network(), student_of_other_build()
    told = clear_answer(teacher, count=3)
    images, names = torch.rand(3, 3, SIZE, SIZE), [name.lower() for name in OTHER]
    loss = Decoded()
    loss.prepare(teacher, student, SIZE)
    optimizer, history = torch.optim.Adam(student.parameters(), 0.02), []

    def agreement() -> list[float]:
        """IoU of the student's best detection with the teacher's, 0 where the class is another."""
        found, wanted = student.predict(student.eval()(images), confidence=0.1), teacher.predict(told)
        scores = []
        for f, w in zip(found, wanted, strict=True):
            same = len(f.labels) > 0 and names[int(f.labels[0])] == NAMES[int(w.labels[0])]
            scores.append(float(box_iou(f.boxes[:1], w.boxes[:1])) if same else 0.0)
        return scores

    assert max(agreement()) < 0.5
    for _ in range(80):
        optimizer.zero_grad()
        value = loss(make_batch(student, student.train()(images), teacher, told))
        value.backward()
        optimizer.step()
        history.append(float(value.detach()))
    assert history[-1] < 0.1 * history[0], history[-1]
    after = agreement()
    # Image 0 shows a cat, for which this student has no class.
    assert min(after[1:]) > 0.7, after
