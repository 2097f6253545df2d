import logging
from collections.abc import Mapping

import pytest
import torch

from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.distillation.losses import (
    FKD,
    BlockFeatures,
    Decoded,
    Detection,
    Dicod,
    DistillationBatch,
    DistillLoss,
    Mimic,
    Objective,
)
from diode_pl.distillation.losses.dicod import DetectorAsClassifier
from diode_pl.targets import Targets
from tests.distillation.losses.batches import IMAGES, SIZE, answer, learnable, make_batch, network


def objective_of(
    losses: Mapping[str, DistillLoss | None],
    label_source: LabelPolicy | None = None,
    detectors: tuple[Detector | None, Detector] | None = None,
) -> Objective:
    """An objective between two detectors of the same kind, unless others are given."""
    teacher, student = detectors or (network(), network(seed=1))
    return Objective(losses, teacher, student, SIZE, label_source)


class Counting(DistillLoss):
    """Tells how many labels it saw, in two parts."""

    needs_teacher, needs_labels = False, True

    def forward(self, batch: DistillationBatch) -> torch.Tensor:
        boxes = batch.targets.valid.sum().float()
        self.parts = {"boxes": boxes, "twice": 2 * boxes}
        return boxes + 0 * batch.student_outputs.heads[0].sum()


def test_sums_what_has_a_weight_and_logs_it_raw() -> None:
    net, said = network(), answer(network())
    learnable(said)
    boxes = Targets(torch.rand(3, 4).sort(dim=1)[0], torch.zeros(3).long(), torch.zeros(3).long(), 2)
    objective = objective_of({"a": Counting(2.0), "b": Counting(0.5), "off": Counting(0.0), "gone": None})
    total, row = objective(DistillationBatch(IMAGES, net, None, said, None, boxes))
    assert float(total.detach()) == 7.5 and total.requires_grad and set(objective.terms) == {"a", "b"}
    expected = {f"loss/{name}{part}": n for name in "ab" for part, n in {"": 3, "/boxes": 3, "/twice": 6}.items()}
    assert {name: float(value) for name, value in row.items()} == expected | {"loss/total": 7.5}
    assert not any(value.requires_grad for value in row.values())


class Informed(Counting):
    """Brings something along of which something is known."""

    facts = {"accuracy": 0.9}


def test_collects_what_is_known_of_the_terms_that_count() -> None:
    terms = {"a": Counting(1.0), "b": Informed(1.0), "off": Informed(0.0), "gone": None}
    assert objective_of(terms).facts == {"b": {"accuracy": 0.9}}


def test_labels_come_from_where_they_are_to_come_from() -> None:
    net, said = network(), answer(network())
    objective = objective_of({"counting": Counting(1.0)}, LabelPolicy("teacher", confidence=0.0))
    assert not objective.reads_labels
    total, row = objective(make_batch(net, said, net, answer(net, seed=1)))
    assert row["labels/added"] > 0 and float(total.detach()) == 2 * float(row["labels/added"])


def test_without_a_loss_on_labels_nobody_asks_for_them() -> None:
    net = network()
    objective = objective_of({"mimic": Mimic()}, LabelPolicy("union"))
    _, row = objective(make_batch(net, answer(net), net, answer(net, seed=1)))
    assert set(row) == {"loss/mimic", "loss/total"} and not objective.reads_labels
    assert objective_of({"detection": Detection()}).reads_labels


def test_norm_inputs_are_recorded_only_for_a_loss_that_reads_them() -> None:
    teacher, student = network(), network(seed=1)
    for losses, count in (({"decoded": Decoded()}, 0), ({"decoded": Decoded(), "block": BlockFeatures()}, 3)):
        objective = objective_of(losses, detectors=(teacher, student))
        for detector, expected in ((teacher, count), (student, count), (None, 0)):
            with objective.recording(detector) as inputs:
                (detector or teacher)(IMAGES)
            assert [len(calls) for calls in inputs] == [1] * expected
    off = objective_of({"decoded": Decoded(), "block": BlockFeatures(0.0)}, detectors=(teacher, student))
    with off.recording(student) as inputs:
        student(IMAGES)
    assert inputs == []


def test_terms_that_train_no_whole_student_are_refused_alone() -> None:
    teacher, student = network(), network(seed=1)
    partial = {"fkd": FKD(), "dicod": Dicod(DetectorAsClassifier()), "block": BlockFeatures()}
    for names in (["fkd"], ["dicod"], ["block"], ["fkd", "dicod"]):
        alone = {name: partial[name] for name in names}
        with pytest.raises(ValueError, match=f"^losses: {', '.join(names)} does not train every output.*add Decoded"):
            objective_of(alone, detectors=(teacher, student))
        with pytest.raises(ValueError, match="does not train every output"):
            objective_of(alone | {"decoded": Decoded(0.0)}, detectors=(teacher, student))
        for beside in (Decoded(), Detection(0.1)):
            objective_of(alone | {"beside": beside}, detectors=(teacher, student))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="no loss with a weight above 0"):
        objective_of({"mimic": None, "detection": Detection(0.0)})
    with pytest.raises(ValueError, match=r"^label_source and teacher: .*source=sampled needs none"):
        objective_of({"detection": Detection()}, LabelPolicy("union"), detectors=(None, network()))
    objective_of({"detection": Detection()}, LabelPolicy(), detectors=(None, network()))


def test_labels_of_classes_that_the_teacher_lacks_are_not_dropped_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    student, teacher = network(), network(names=("cat", "owl"))
    terms = {"detection": Detection()}
    for kept in (LabelPolicy("union"), LabelPolicy("teacher", agreement=True), LabelPolicy()):
        objective_of(terms, kept, detectors=(teacher, student))
    assert not caplog.messages
    objective_of(terms, LabelPolicy(agreement=True), detectors=(teacher, student))
    assert caplog.messages == ["label_source: the teacher has no such class, and sees none of these: dog, cup"]
