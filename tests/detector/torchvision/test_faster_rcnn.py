from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from diode_pl.detector import Outputs
from diode_pl.detector.torchvision import deterministic_sampler as fixed_sample
from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.targets import Targets
from tests.detector.torchvision.small_networks import NAMES, SIZE, faster_rcnn, faster_rcnn_network, images

ALL = {"rpn_batch_size_per_image": 10_000, "box_batch_size_per_image": 10_000}  # the loss drops nothing
BOXES = torch.tensor([[0.1, 0.1, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8], [0.2, 0.5, 0.3, 0.6]])
NO_BOXES = Targets(BOXES[:0], torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2)


def boxes(*at: int) -> Targets:
    return Targets(BOXES, torch.tensor([0, 2, 1]), torch.tensor(at), 2)


def for_torchvision(detector: FasterRCNN, targets: Targets) -> list[dict[str, Tensor]]:
    return [{"boxes": b * SIZE, "labels": detector.columns[c]} for b, c in targets.per_image()]


def uneven(**options: float) -> tuple[FasterRCNN, Outputs]:
    """Images of which one has fewer proposals than the other."""
    detector = faster_rcnn(rpn_score_thresh=0.98, **options)
    outputs = detector(images(seed=3))
    assert 0 < len(outputs.proposals[0]) != len(outputs.proposals[1]) > 0
    return detector, outputs


@pytest.mark.parametrize("targets", [boxes(0, 1, 1), boxes(1, 1, 1), NO_BOXES], ids=["each", "one image", "none"])
def test_loss_and_its_gradient_equal_torchvisions(targets: Targets) -> None:
    detector = faster_rcnn(**ALL).freeze()
    own, other = images().requires_grad_(), images().requires_grad_()
    terms = detector.loss(detector(own), targets)
    torch.stack(list(terms.values())).sum().backward()
    detector.network.train()
    for layer in detector.norm_layers():
        layer.eval()
    expected = detector.network(list(other), for_torchvision(detector, targets))
    torch.stack(list(expected.values())).sum().backward()
    names = ("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg")
    assert list(terms) == ["proposal_objectness", "proposal_box", "class", "box"]
    for found, name in zip(terms.values(), names, strict=True):
        torch.testing.assert_close(found, expected[name], rtol=0, atol=0)
    assert bool(own.grad.any())
    torch.testing.assert_close(own.grad, other.grad)


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("confidence", [0.05, 0.3])
def test_detections_equal_torchvisions(seed: int, confidence: float) -> None:
    detector = faster_rcnn(seed=seed)
    heads = detector.network.roi_heads
    heads.score_thresh, heads.nms_thresh, heads.detections_per_img = confidence, 0.4, 30
    found = detector.predict(detector(images()), confidence, 0.4, 30)
    for own, other in zip(found, detector.network(list(images())), strict=True):
        torch.testing.assert_close(own.boxes * SIZE, other["boxes"].detach())
        torch.testing.assert_close(own.scores, other["scores"].detach())
        assert own.labels.tolist() == (other["labels"] - 1).tolist() and len(own.labels.unique()) > 1


def test_a_net_for_all_of_coco_serves_some_of_its_classes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    every = faster_rcnn_network(91)
    for layer in (every.roi_heads.box_predictor.cls_score, every.rpn.head.cls_logits):
        nn.init.normal_(layer.weight, std=0.5)
    torch.save(every.state_dict(), tmp_path / "net.pth")
    detector = FasterRCNN(faster_rcnn_network, tmp_path / "net.pth", ["dog", "person", "toothbrush"]).eval()
    every.eval().roi_heads.score_thresh = 0.002
    every.roi_heads.detections_per_img = 10_000
    for own, other in zip(detector.predict(detector(images()), 0.002, 0.5, 10_000), every(list(images())), strict=True):
        numbers = torch.tensor([18, 1, 90])
        known = torch.isin(other["labels"], numbers)
        assert numbers[own.labels].tolist() == other["labels"][known].tolist() and 0 < int(known.sum()) < len(known)
        torch.testing.assert_close(own.boxes * SIZE, other["boxes"][known].detach())


def test_heads_features_and_strides_belong_together() -> None:
    detector = faster_rcnn()
    outputs = detector(images())
    assert [tuple(h.shape) for h in outputs.heads] == [(2, 3 * 256, 5), (2, 3 * 64, 5), (2, 3 * 16, 5)]
    assert detector.heads_on_proposals_of(outputs, outputs)[-1].shape == (80, 20)
    assert outputs.strides == (4, 8, 16) and outputs.image_size == (SIZE, SIZE)
    assert [tuple(f.shape) for f in outputs.features] == [(2, 16, 16, 16), (2, 16, 8, 8), (2, 16, 4, 4)]
    assert [len(each) for each in outputs.proposals] == [40, 40]
    assert not any(each.requires_grad for each in outputs.proposals)
    assert len(detector.norm_layers()) == detector.backbone_norm_layers == 2
    with pytest.raises(ValueError, match="multiples of 32, and at least 32, got 64 x 40"):
        detector(torch.rand(1, 3, 64, 40))


@pytest.mark.parametrize("training", [False, True])
def test_the_second_stage_looks_only_where_it_is_asked_to(training: bool) -> None:
    detector, looked = faster_rcnn(box_batch_size_per_image=16).train(training), []
    detector.network.roi_heads.box_head.register_forward_pre_hook(lambda _, given: looked.append(len(given[0])))
    outputs = detector(images())
    assert looked == [] and sum(len(each) for each in outputs.proposals) == 80
    detector.loss(outputs, boxes(0, 1, 1))
    assert looked == [2 * 16]
    detector.decode(outputs)
    assert looked == [2 * 16, 80]


def test_one_input_has_one_loss() -> None:
    detector = faster_rcnn(rpn_batch_size_per_image=64, box_batch_size_per_image=16).freeze()
    first = detector.loss(detector(images()), boxes(0, 1, 1))
    torch.rand(5)
    state = torch.get_rng_state()
    second = detector.loss(detector(images()), boxes(0, 1, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    whole = faster_rcnn(**ALL)
    assert first["class"] != whole.loss(whole(images()), boxes(0, 1, 1))["class"], "this one counts fewer"


def test_two_processes_see_the_loss_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, outputs = uneven(rpn_batch_size_per_image=1000)
    whole = detector.loss(outputs, boxes(0, 0, 1))
    parts, counts = [], [[], []]
    for rank in range(2):

        def counting(value: Tensor, at_least: float, of: list[Tensor] = counts[rank]) -> Tensor:
            of.append(value)
            return value

        monkeypatch.setattr(fixed_sample, "reduce_sum_per_process", counting)
        one = slice(rank, rank + 1)
        alone = Outputs(
            tuple(h[one] for h in outputs.heads),
            tuple(f[one] for f in outputs.features),
            outputs.strides,
            outputs.image_size,
            outputs.proposals[one],
        )
        own = boxes(0, 0, 1).image_index == rank
        labels = Targets(BOXES[own], boxes(0, 0, 1).labels[own], torch.zeros(int(own.sum()), dtype=torch.long), 1)
        parts.append(detector.loss(alone, labels))
    (second, first), (other_second, other_first) = counts
    assert second != other_second, "as many would prove nothing"
    for name, term in whole.items():
        a, b = (first, other_first) if name.startswith("proposal") else (second, other_second)
        torch.testing.assert_close((parts[0][name] * a + parts[1][name] * b) / (a + b), term)


def test_nothing_proposed_and_nothing_labeled() -> None:
    detector = faster_rcnn(rpn_score_thresh=0.9999999).freeze()
    outputs = detector(images().requires_grad_())
    assert [len(each) for each in outputs.proposals] == [0, 0]
    terms = detector.loss(outputs, NO_BOXES)
    assert terms["class"] == terms["box"] == 0 and terms["proposal_objectness"] > 0
    torch.stack(list(terms.values())).sum().backward()
    assert detector.loss(outputs, boxes(0, 1, 1))["class"] > 0, "labeled boxes are looked into all the same"
    dense = detector.decode(outputs)
    assert dense.boxes.tolist() == [[[0, 0, 1, 1]]] * 2 and not bool(dense.objectness.any())
    assert detector.class_logits(outputs).shape == (2, 1, 3)
    assert [len(each.boxes) for each in detector.predict(outputs)] == [0, 0]
    assert len(detector.match_predictions(outputs, NO_BOXES).image) == 0


def test_a_candidate_is_a_proposal_as_its_likeliest_class_boxes_it() -> None:
    detector, outputs = uneven()
    dense, logits = detector.decode(outputs), detector.class_logits(outputs)
    rows = detector.heads_on_proposals_of(outputs, outputs)[-1].split([len(each) for each in outputs.proposals])
    coder, most = detector.network.roi_heads.box_coder, max(len(each) for each in outputs.proposals)
    assert dense.cells is None and dense.boxes.shape == dense.priors.shape == (2, most, 4)
    for i, (row, proposals) in enumerate(zip(rows, outputs.proposals, strict=True)):
        count = len(row)
        probabilities = row[:, :4].softmax(dim=1)[:, 1:]
        torch.testing.assert_close((dense.objectness[i, :, None] * dense.classes[i])[:count], probabilities)
        torch.testing.assert_close(logits[i, :count], row[:, 1:4])
        torch.testing.assert_close(dense.priors[i, :count] * SIZE, proposals)
        for own, box in zip(row, range(count), strict=True):
            likeliest = 1 + int(own[1:4].argmax())
            code = own[4 + 4 * likeliest : 8 + 4 * likeliest]
            torch.testing.assert_close(
                dense.boxes[i, box] * SIZE, coder.decode_single(code[None], proposals[box : box + 1])[0]
            )
        assert not bool(dense.objectness[i, count:].any()) and not bool(logits[i, count:].any())
        assert bool((dense.boxes[i, count:] == torch.tensor([0.0, 0, 1, 1])).all())


def test_stages_are_all_anchors_and_what_lies_at_hints() -> None:
    detector, outputs = uneven()
    hints = replace(boxes(0, 1, 1), valid=torch.tensor([True, True, False]))
    hints = hints.cat(Targets(torch.tensor([[-0.5, -0.5, 0.2, 0.3], [1.1, 0, 1.4, 1]]), *[torch.tensor([1, 1])] * 2, 2))
    first, second = detector.decode_stages(outputs, hints)
    rows = torch.cat(outputs.heads, dim=1)
    assert first.boxes.shape == (2, 1008, 4) and first.classes.shape == (2, 1008, 0)
    torch.testing.assert_close(first.objectness, rows[..., 0].sigmoid())
    silent = replace(outputs, heads=tuple(torch.zeros_like(head) for head in outputs.heads))
    torch.testing.assert_close(detector.decode_stages(silent, hints)[0].boxes[1], first.priors)
    assert first.cells is not None and first.cells.shape == first.priors.shape == (1008, 4)
    wanted = [[BOXES[0]], [BOXES[1], torch.tensor([0, 0, 0.2, 0.3])]]
    for i in range(2):
        known = torch.cat([outputs.proposals[i] / SIZE, torch.stack(wanted[i])])
        count = len(known)
        torch.testing.assert_close(second.priors[i, :count], known)
        assert not bool(second.objectness[i, count:].any())
    again = detector.decode(replace(outputs, proposals=(second.priors[0] * SIZE,) * 2))
    torch.testing.assert_close(again.objectness[0], second.objectness[0], rtol=1e-3, atol=1e-5)


def test_heads_are_looked_up_at_the_proposals_of_another() -> None:
    student, teacher = faster_rcnn(), faster_rcnn(seed=1)
    said, told = student(images()), teacher(images())
    found, own = student.heads_on_proposals_of(said, told), student.heads_on_proposals_of(said, said)
    for heads in (found, own):
        assert all(torch.equal(a, b) for a, b in zip(heads[:-1], said.heads, strict=True))
    moved = replace(said, proposals=told.proposals)
    assert torch.equal(found[-1], student.heads_on_proposals_of(moved, moved)[-1])
    assert found[-1].shape == own[-1].shape and not torch.equal(found[-1], own[-1])


def test_positives_are_what_the_loss_holds_to_labels() -> None:
    detector, outputs = uneven(**ALL)
    targets = replace(boxes(0, 1, 1), valid=torch.tensor([True, False, True]))
    found = detector.match_predictions(outputs, targets)
    expected, boxes_of = set(), {}
    for i, position in ((0, 0), (1, 2)):
        places = torch.cat([outputs.proposals[i], BOXES[position : position + 1] * SIZE])
        held = box_iou(BOXES[position : position + 1] * SIZE, places)[0] >= 0.5
        boxes_of[i] = places[held]
        expected |= {(i, position)}
        assert int((found.image == i).sum()) == int(held.sum()) > 0
    assert set(zip(found.image.tolist(), found.target.tolist(), strict=True)) == expected
    sample = replace(outputs, proposals=(boxes_of[0], boxes_of[1]))
    rows = detector.heads_on_proposals_of(outputs, sample)[-1]
    torch.testing.assert_close(found.class_logits, rows[:, [1, 2, 3, 0]], rtol=1e-4, atol=1e-5)
    code = rows[:, 4:].view(-1, 4, 4)[torch.arange(len(rows)), targets.labels[found.target] + 1]
    decoded = detector.network.roi_heads.box_coder.decode_single(code, torch.cat([boxes_of[0], boxes_of[1]]))
    torch.testing.assert_close(found.boxes * SIZE, decoded, rtol=1e-4, atol=1e-3)
    alone = detector.match_predictions(outputs, replace(targets, valid=torch.tensor([False, False, True])))
    assert set(alone.image.tolist()) == {1}


@pytest.mark.parametrize("normed_head", [False, True])
def test_a_student_learns_boxes_and_all_of_it_gets_gradient(normed_head: bool) -> None:
    detector = faster_rcnn(normed_head=normed_head).train()
    optimizer, history = torch.optim.SGD(detector.parameters(), 0.02, momentum=0.9), []
    assert len(detector.norm_layers()) == detector.backbone_norm_layers == 2, "those of the second stage do not count"
    for _ in range(8):
        optimizer.zero_grad()
        loss = torch.stack(list(detector.loss(detector(images()), boxes(0, 1, 1)).values())).sum()
        loss.backward()
        optimizer.step()
        history.append(float(loss.detach()))
        assert all(bool(p.grad.any()) for p in detector.parameters())
    assert history[-1] < 0.7 * history[0], history


def test_half_precision_is_answered_in_full() -> None:
    detector = faster_rcnn().freeze()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = detector(images().requires_grad_())
        inside = detector.loss(outputs, boxes(0, 1, 1))
    assert all(each.dtype == torch.float32 for each in outputs.proposals) and outputs.heads[0].dtype == torch.bfloat16
    outside = detector.loss(outputs, boxes(0, 1, 1))
    for terms in (inside, outside):
        assert all(term.dtype == torch.float32 and bool(term.isfinite()) for term in terms.values())
        torch.stack(list(terms.values())).sum().backward(retain_graph=True)
    assert detector.decode(outputs).boxes.dtype == detector.match_predictions(outputs, boxes(0, 1, 1)).boxes.dtype
    assert len(detector.decode_stages(outputs, boxes(0, 1, 1))) == 2
    assert detector.class_names == NAMES


def test_a_second_stage_that_computes_nothing_is_an_error() -> None:
    detector, outputs = uneven()
    outputs.require_finite("teacher")
    detector.network.roi_heads.box_predictor.cls_score.bias.data[1] = torch.nan
    with pytest.raises(ValueError, match="FasterRCNN: outputs of the second stage are not finite"):
        detector.predict(outputs)
