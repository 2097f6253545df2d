import logging
import math

import pytest
import torch
from torch import nn

from diode_pl.distillation.losses import FKD
from diode_pl.distillation.losses.fkd import Method
from diode_pl.distillation.losses.fkd.fkd import LevelPair, match_levels
from diode_pl.distillation.losses.fkd.non_local import NonLocal
from diode_pl.targets import Targets
from tests.distillation.losses.batches import network
from tests.distillation.losses.fkd.maps import SIDE, Mapper, fkd, identity, make_batch, maps, prepared, seen

PARTS = {"attention_masked", "attention_transfer_channel", "attention_transfer_spatial", "non_local"}
# Two levels, the student's narrower than the teacher's.
STUDENT, TEACHER = maps((2, 3, 4, 4), (2, 4, 2, 2)), maps((2, 5, 4, 4), (2, 7, 2, 2), seed=1)


def test_values_out_of_range_are_told_by_key() -> None:
    for key, value in (("weight", -1.0), ("alpha", math.nan), ("temperature", 0.0), ("balance", 0.0)):
        with pytest.raises(ValueError, match=f"FKD: {key} must be"):
            fkd(**{key: value})
    for key in ("masks", "attention", "channel_mask", "non_local", "reduction"):
        with pytest.raises(ValueError, match=f"FKD: {key} must be one of .* got 'x'"):
            fkd(**{key: "x"})


def test_every_argument_reaches_the_method() -> None:
    chosen = {"alpha": 1.0, "beta": 2.0, "gamma": 3.0, "temperature": 4.0, "masks": "paper", "attention": "absolute"}
    chosen |= {"channel_mask": "teacher", "non_local": "gaussian", "reduction": "per_image"}
    assert vars(fkd(**chosen).method) == chosen
    loss = fkd(strides=[8], weight=0.5)
    assert loss.weight == 0.5 and not loss.needs_labels and fkd(mask_boxes=True).needs_labels
    prepared(loss, STUDENT, TEACHER)
    assert [*loss.levels] == ["stride_8"]


def test_a_teacher_and_preparation_are_asked_for() -> None:
    with pytest.raises(ValueError, match="^teacher: FKD needs one, got None; Detection"):
        FKD().prepare(None, network(), SIDE)
    with pytest.raises(RuntimeError, match=r"FKD: prepare\(teacher, student, resolution\) must come before"):
        FKD()(make_batch(STUDENT, TEACHER))


def test_raw_channels_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="at stride 4 the student has 3 and the teacher 5; take adapted"):
        prepared(fkd(channel_mask="raw"), STUDENT, TEACHER)
    prepared(fkd(channel_mask="raw", beta=0.0), STUDENT, TEACHER)


def test_parts_are_raw_and_the_term_is_their_weighted_sum() -> None:
    loss = prepared(fkd(weight=7.0), STUDENT, TEACHER)
    term = loss(make_batch(STUDENT, TEACHER))
    assert set(loss.parts) == PARTS and not any(part.requires_grad for part in loss.parts.values())
    expected = sum(loss.method.factors[name] * part for name, part in loss.parts.items())
    torch.testing.assert_close(term.detach(), expected)


@pytest.mark.parametrize("kind", ["dot_product", "embedded_gaussian", "gaussian", "concatenation"])
def test_duplicating_the_batch(kind: str) -> None:
    twice = [[torch.cat([each, each]) for each in side] for side in (STUDENT, TEACHER)]
    for reduction, factor in (("batch", math.sqrt(2)), ("per_image", 1)):
        loss = prepared(fkd(reduction=reduction, non_local=kind), STUDENT, TEACHER)
        for block in loss.modules():
            if isinstance(block, nn.BatchNorm2d):
                nn.init.ones_(block.weight)
        once, parts = loss(make_batch(STUDENT, TEACHER)), loss.parts
        torch.testing.assert_close(loss(make_batch(*twice)), factor * once)
        torch.testing.assert_close(loss.parts, {name: factor * part for name, part in parts.items()})


def test_an_image_alone_counts_like_itself_in_a_batch() -> None:
    loss = identity(prepared(fkd(reduction="per_image", gamma=0.0), STUDENT, STUDENT))
    others = [each.flip(0) * 2 for each in STUDENT]
    alone = [loss(make_batch([s[i, None] for s in STUDENT], [t[i, None] for t in others])) for i in range(2)]
    torch.testing.assert_close(loss(make_batch(STUDENT, others)), sum(alone) / 2)


@pytest.mark.parametrize("kind", ["dot_product", "embedded_gaussian", "gaussian", "concatenation"])
def test_student_adapters_and_relations_learn_and_the_teacher_does_not(kind: str) -> None:
    teacher, student = Mapper([(8, 7), (4, 5)]), Mapper([(4, 3), (8, 4)])
    teacher.freeze()
    before = teacher.fingerprint()
    loss = fkd(non_local=kind, alpha=1.0, beta=1.0, gamma=1.0)
    loss.prepare(teacher, student, SIDE)
    for block in loss.modules():
        if isinstance(block, NonLocal) and kind == "concatenation":
            with torch.no_grad():  # affinities below 0 would not learn
                block.joint.abs_()
                block.theta.bias.fill_(3)
    learned = nn.ModuleList([student, loss])
    optimizer = torch.optim.SGD(learned.parameters(), lr=0.001)
    images, sizes = torch.rand(2, 3, SIDE, SIDE), list[float]()
    start = {name: parameter.clone() for name, parameter in learned.named_parameters()}
    for _ in range(5):
        optimizer.zero_grad()
        term = loss(seen(student, teacher, images))
        term.backward()
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in learned.parameters())
        optimizer.step()
        sizes.append(float(term.detach()))
    still = {name for name, parameter in learned.named_parameters() if torch.equal(parameter, start[name])}
    # Batch norm subtracts again what the bias before it adds.
    assert all(name.endswith("bias") and "_relations" in name for name in still)
    assert sizes[-1] < sizes[0]
    assert teacher.fingerprint() == before and all(p.grad is None for p in teacher.parameters())
    assert not {id(p) for p in loss.parameters()} & {id(p) for d in (teacher, student) for p in d.parameters()}


def test_levels_of_real_detectors_are_matched_by_stride(caplog: pytest.LogCaptureFixture) -> None:
    teacher, student = network(), network(fine=None, seed=1)  # heads at 8 and 4 pixels; at 8
    loss, images = FKD(), torch.rand(2, 3, SIDE, SIDE)
    with caplog.at_level(logging.WARNING):
        loss.prepare(teacher, student, SIDE)
    assert "features of stride 4 are left out, only the teacher has them" in caplog.text
    loss(seen(student, teacher, images)).backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert sum(p.grad is not None and bool(p.grad.any()) for p in student.parameters()) > 3


def test_order_of_the_levels_does_not_matter() -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    teacher, student = Mapper([(8, 7), (4, 5)]), Mapper([(4, 3), (8, 4)])
    loss = FKD()
    loss.prepare(teacher, student, SIDE)
    term = loss(seen(student, teacher, images))
    straight = prepared(FKD(), student(images).features, [*reversed(teacher(images).features)])
    straight.load_state_dict(loss.state_dict())
    found = straight(make_batch(student(images).features, [*reversed(teacher(images).features)]))
    torch.testing.assert_close(found, term)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(half: torch.dtype) -> None:
    # Whole numbers that half precision holds as they are, and whose squares it does not.
    said, told = ([(400 * each).round().to(half) for each in side] for side in (STUDENT, TEACHER))
    loss = prepared(FKD(), STUDENT, TEACHER)
    full = loss(make_batch([s.float() for s in said], [t.float() for t in told]))
    said = [s.requires_grad_() for s in said]
    with torch.autocast("cpu", torch.bfloat16):
        term = loss(make_batch(said, told))
    term.backward()
    assert term.dtype == torch.float32 and term.isfinite()
    torch.testing.assert_close(term, full)
    assert all(s.grad is not None and s.grad.dtype == half and bool(s.grad.isfinite().all()) for s in said)


def test_squares_of_large_maps_do_not_overflow() -> None:
    student, teacher = ([torch.full((1, 4, 8, 8), value).half()] for value in (3e4, -3e4))
    loss = identity(prepared(FKD(), [student[0].float()], [teacher[0].float()]))
    loss(make_batch(student, teacher))
    assert float(loss.parts["non_local"]) == pytest.approx(6e4 * 16, rel=1e-3)


def test_the_same_seed_gives_the_same_term() -> None:
    def once() -> torch.Tensor:
        torch.manual_seed(3)
        return prepared(fkd(non_local="concatenation"), STUDENT, TEACHER)(make_batch(STUDENT, TEACHER))

    assert torch.equal(once(), once())


def test_balance_gives_every_part_the_same_size_and_survives_a_checkpoint() -> None:
    loss = prepared(fkd(balance=0.3), STUDENT, TEACHER)
    torch.testing.assert_close(loss(make_batch(STUDENT, TEACHER)).detach(), torch.tensor(4 * 0.3))
    louder = [2 * each for each in TEACHER]
    again = prepared(fkd(balance=0.3), STUDENT, TEACHER)
    again.load_state_dict(loss.state_dict())
    for _ in range(3):
        assert torch.equal(loss(make_batch(STUDENT, louder)), again(make_batch(STUDENT, louder)))
    assert again.balance is not None and again.balance.count.steps == 4
    fewer = prepared(fkd(balance=0.3, gamma=0.0), STUDENT, TEACHER)
    torch.testing.assert_close(fewer(make_batch(STUDENT, TEACHER)).detach(), torch.tensor(3 * 0.3))


def test_state_makes_the_same_loss() -> None:
    loss, other = (prepared(FKD(), STUDENT, TEACHER) for _ in range(2))
    assert not torch.equal(loss(make_batch(STUDENT, TEACHER)), other(make_batch(STUDENT, TEACHER)))
    other.load_state_dict(loss.state_dict())
    assert torch.equal(loss(make_batch(STUDENT, TEACHER)), other(make_batch(STUDENT, TEACHER)))


def test_the_masked_part_can_be_kept_to_the_boxes() -> None:
    loss = prepared(fkd(mask_boxes=True), STUDENT, TEACHER)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(2, 1)
    whole = Targets(boxes, torch.zeros(2, dtype=torch.long), torch.arange(2), 2)
    everywhere = loss(make_batch(STUDENT, TEACHER, whole))
    loss.mask_boxes = False
    torch.testing.assert_close(everywhere, loss(make_batch(STUDENT, TEACHER)))
    loss.mask_boxes = True
    loss(make_batch(STUDENT, TEACHER))
    assert loss.parts["attention_masked"] == 0 and loss.parts["non_local"] > 0


def test_the_same_stride_belongs_together_in_any_order(caplog: pytest.LogCaptureFixture) -> None:
    assert match_levels([32, 16], [16, 32]) == [LevelPair("stride_16", 16, 1, 0), LevelPair("stride_32", 32, 0, 1)]
    assert not caplog.records


def test_what_only_one_side_has_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert match_levels([32, 16], [8, 64, 32]) == [LevelPair("stride_32", 32, 0, 2)]
    assert [record.getMessage() for record in caplog.records] == [
        "FKD: features of stride 16 are left out, only the student has them",
        "FKD: features of stride 8, 64 are left out, only the teacher has them",
    ]


def test_several_of_one_stride_go_in_their_order() -> None:
    found = match_levels([8, 8], [8, 4, 8, 8])
    assert found == [LevelPair("stride_8", 8, 0, 0), LevelPair("stride_8_1", 8, 1, 2)]


def test_strides_can_be_chosen(caplog: pytest.LogCaptureFixture) -> None:
    assert [pair.stride for pair in match_levels([8, 16, 32], [8, 16, 32, 64], [32, 8])] == [8, 32]
    assert not caplog.records
    for wrong in ([4], [8, 64], []):
        with pytest.raises(ValueError, match=r"strides must be some of \[8, 16\], which both have, got \["):
            match_levels([8, 16], [8, 16, 64], wrong)


def test_without_a_shared_stride_there_is_a_way_out() -> None:
    with pytest.raises(ValueError, match=r"strides are \[8\] and the teacher's \[16, 32\].*Decoded, which needs none"):
        match_levels([8], [16, 32])


def test_without_changes_the_method_is_the_one_of_the_yaml() -> None:
    assert vars(FKD().method) == vars(Method(2.4e-2, 4.2e-4, 4.2e-4, 0.1, "paper_code", "signed", "adapted"))
