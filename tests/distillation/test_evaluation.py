"""Student and teacher, measured on labeled images."""

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from diode_pl.data import DetectionData
from diode_pl.data.readers import Coco
from diode_pl.data.tiling import Fixed
from diode_pl.detector import Darknet
from diode_pl.detector.darknet.layers import YoloHead
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.losses import Decoded
from diode_pl.provenance import GIVEN_WEIGHTS, Provenance
from tests.training_run import (
    NAMES,
    VALIDATION,
    blind,
    parts,
    shapes,
    some_data,
    some_trainer,
    tiny_teacher,
)


@pytest.mark.parametrize(("seen", "reason"), [(GIVEN_WEIGHTS, "Does val show"), (None, "Its weights are random")])
def test_a_teacher_that_sees_nothing_stops_no_measurement(
    caplog: pytest.LogCaptureFixture, seen: Provenance | None, reason: str
) -> None:
    evaluation = Evaluation(tiny_teacher(), blind(tiny_teacher()), some_data())
    evaluation.teacher.provenance = seen
    some_trainer().validate(evaluation, datamodule=evaluation.data, verbose=False)
    assert evaluation.student_scores["AP50"] > 0 and evaluation.teacher_scores["AP50"] == 0
    (said,) = (message for message in caplog.messages if "teacher: its AP50 on the validation set is 0" in message)
    assert "Without a teacher, the student alone is measured" in said and reason in said


def test_a_teacher_is_not_measured_on_classes_that_it_cannot_name(caplog: pytest.LogCaptureFixture) -> None:
    def scores(teacher: Darknet, val: Sequence[str] = NAMES) -> dict[str, float]:
        images = copy.copy(shapes("val", VALIDATION))
        images.class_names = tuple(val)
        distillation, data, trainer = parts(losses={"decoded": Decoded()}, teacher=teacher, val=images)
        trainer.validate(distillation, datamodule=data, verbose=False)
        assert set(distillation.per_class) == set(NAMES) & set(val)  # the student, on all that there is
        return distillation.teacher_scores

    # It finds the same, whatever the classes are called.
    teacher, few = tiny_teacher(), tiny_teacher()
    few.class_names = (*NAMES[:5], "cow", "bus", "cup")
    known = scores(teacher, (*NAMES[:5], "an", "other", "world"))
    assert not [message for message in caplog.messages if message.startswith(("student: ", "teacher: "))]
    assert 0 < known["AP50"] != scores(teacher)["AP50"] > 0
    caplog.clear()
    assert scores(few) == pytest.approx(known)
    said = [message for message in caplog.messages if message.startswith(("student: ", "teacher: "))]
    assert said[0].endswith("not evaluated on them: house, fish, umbrella") and said[1].endswith("cow, bus, cup")
    assert len(said) == 2
    caplog.clear()
    assert scores(few, ("a", "b", "c", "d", "e", *NAMES[5:])) == {}
    assert "val: the teacher has none of its classes, and is not evaluated" in caplog.messages


def in_the_students_order(teacher: Darknet) -> Darknet:
    """The same detector, but the student's classes come first and in its order."""
    names = sorted(teacher.class_names, key=lambda name: (*NAMES, name).index(name))
    rows, twin = [0, 1, 2, 3, 4, *(5 + teacher.class_names.index(name) for name in names)], copy.deepcopy(teacher)
    for layer, following in zip(twin.layers, twin.layers[1:], strict=False):
        if isinstance(following, YoloHead):
            for values in (layer.conv.weight.data, layer.conv.bias.data):
                values.copy_(values.unflatten(0, (3, -1))[:, rows].flatten(0, 1))
    twin.class_names = names
    return twin


def test_scores_of_a_teacher_with_other_classes_are_those_of_the_shared_ones() -> None:
    def scores(teacher: Darknet) -> dict[str, float]:
        distillation, data, trainer = parts(losses={"decoded": Decoded()}, teacher=teacher)
        trainer.validate(distillation, datamodule=data, verbose=False)
        return distillation.teacher_scores

    teacher = tiny_teacher(names=("teapot", *reversed(NAMES), "anchor"))
    twin = in_the_students_order(teacher)
    assert twin.class_names[: len(NAMES)] == list(NAMES)
    expected = scores(twin)
    assert expected["AP50"] > 0 and scores(teacher) == pytest.approx(expected, rel=1e-5)


def test_finds_in_the_students_numbering() -> None:
    teacher = tiny_teacher(names=("teapot", *reversed(NAMES)))
    distillation, data, _ = parts(losses={"decoded": Decoded()}, teacher=teacher)
    data.setup("validate")
    batch = next(iter(data.val_dataloader())).to_float()
    found = distillation.predict_with(teacher, batch, 0.2)
    own = teacher.predict(teacher(batch.images), 0.2, distillation.iou)
    left_out = 0
    for here, there in zip(found, own, strict=True):
        names = [teacher.class_names[label] for label in there.labels]
        known = torch.tensor([name != "teapot" for name in names])
        assert [NAMES[label] for label in here.labels] == [name for name in names if name != "teapot"]
        assert torch.equal(here.boxes, there.boxes[known]) and torch.equal(here.scores, there.scores[known])
        left_out += len(there.labels) - len(here.labels)
    assert left_out and sum(len(here.labels) for here in found) > 10


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_the_score_of_a_network_that_computes_nothing_is_an_error(role: str) -> None:
    detectors = {"student": tiny_teacher(), "teacher": tiny_teacher()}
    evaluation = Evaluation(**detectors, data=some_data())
    with torch.no_grad():
        detectors[role].layers[0].norm.running_mean[1] = torch.nan
    with pytest.raises(ValueError, match=f"^{role}: its outputs are not finite, head 0"):
        some_trainer().validate(evaluation, datamodule=evaluation.data, verbose=False)
    assert not evaluation.student_scores


def test_scores_of_published_weights_are_those_of_the_sets_own_devkit(shared_data: Path) -> None:
    """The figures are pycocotools' on the same detections: 16 crowds, sizes by the area of the masks."""
    folder = shared_data / "weights" / "mobilenetv2-yolov3-nano-coco"
    files = [folder / f"MobileNetV2-YOLOv3-Nano-coco.{suffix}" for suffix in ("cfg", "weights")]
    images = Coco(shared_data / "coco_val2017_subset", None, "images", "instances_val2017_subset.json", 320, max_bad=0)
    evaluation = Evaluation(Darknet(*files, folder / "coco.names"), None, DetectionData(None, images, Fixed(1), {}))
    some_trainer().validate(evaluation, datamodule=evaluation.data, verbose=False)
    scores = evaluation.student_scores
    assert scores["AP"] == pytest.approx(0.15381, abs=5e-5)
    sizes = [scores[f"AP_{size}"] for size in ("small", "medium", "large")]
    assert sizes == pytest.approx([0.0516, 0.1497, 0.2660], abs=5e-5)
