"""What was seen on the way to a data set and to a student."""

import json
from pathlib import Path

import pytest

from diode_pl.classification.datamodule import CropData
from diode_pl.data import DetectionData
from diode_pl.data.readers import Synthetic
from diode_pl.data.tiling import Fixed, FromDataset
from diode_pl.distillation.job import train
from diode_pl.distillation.losses import Detection, DistillLoss, Mimic
from diode_pl.distillation.provenance import seen_by
from diode_pl.training.provenance import as_level, seen_in
from tests.data.painted import Painted
from tests.training_run import parts, shapes, tiny_teacher


class Seen(Fixed):
    """A tiling that has seen something."""

    data_access = "object counts"


_ALL = "teacher +object counts +real images +real labels"


@pytest.mark.parametrize(
    ("level_of_images", "losses", "teacher", "tiling", "level"),
    [
        ("teacher-only", {"mimic": Mimic()}, True, Fixed(1), "teacher-only"),
        ("teacher-only", {"mimic": Mimic(), "detection": Detection(0.1)}, True, Fixed(1), "teacher-only"),
        ("teacher-only", {"detection": Detection()}, False, Fixed(1), "teacher-only"),
        ("teacher +verifier", {"mimic": Mimic()}, True, Fixed(1), "teacher +verifier"),
        ("teacher +real labels +verifier", {"mimic": Mimic()}, True, Fixed(1), "teacher +real labels +verifier"),
        ("teacher-only", {"mimic": Mimic()}, True, Seen(1), "teacher +object counts"),
        ("proxy images", {"mimic": Mimic()}, True, Fixed(1), "teacher +proxy images"),
        ("real images", {"mimic": Mimic()}, True, Fixed(1), "teacher +real images"),
        ("real images", {"mimic": Mimic(), "none": Detection(0.0)}, True, Fixed(1), "teacher +real images"),
        (
            "real images",
            {"mimic": Mimic(), "detection": Detection(0.1)},
            True,
            Fixed(1),
            "teacher +real images +real labels",
        ),
        ("real images", {"detection": Detection()}, False, Fixed(1), "no teacher +real images +real labels"),
        ("no teacher +noise", {"mimic": Mimic()}, True, Fixed(1), "teacher +noise"),
        ("no teacher +proxy images", {"detection": Detection()}, False, Fixed(1), "no teacher +proxy images"),
        ("no teacher +real images +real labels", {"mimic": Mimic()}, True, Seen(1), _ALL),
    ],
)
def test_says_what_the_student_has_seen(
    level_of_images: str, losses: dict[str, DistillLoss], teacher: bool, tiling: Fixed, level: str
) -> None:
    images = shapes("train", 1)
    distillation, _, _ = parts(losses=losses, teacher=tiny_teacher() if teacher else None)
    before, images.data_access = images.data_access, level_of_images
    try:
        data = DetectionData(images, None, tiling, {})
        assert as_level(seen_by(distillation, data)) == level
    finally:
        images.data_access = before


class FromOutside(Detection):
    """Brings something along."""

    data_access = ("external classifier",)


def test_what_a_loss_brings_along_the_student_has_seen() -> None:
    _, data, _ = parts()
    for weight, expected in ((0.5, True), (0.0, False)):
        distillation, _, _ = parts(losses={"mimic": Mimic(), "outside": FromOutside(weight)})
        assert ("external classifier" in seen_by(distillation, data)) == expected


@pytest.mark.parametrize(
    ("images", "seen"),
    [
        ("real images", {"real images", "real labels"}),
        ("teacher-only", {"teacher"}),
        ("teacher +real labels", {"teacher", "real labels"}),
    ],
)
def test_crops_have_seen_the_labels_too(images: str, seen: set[str]) -> None:
    assert seen_in(CropData(Painted(6, data_access=images)).data_access, labels=True) == seen


def test_counting_the_objects_of_a_data_set_is_seeing_its_labels(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    images, categories = [{"id": 1, "width": 9, "height": 9}], [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": [box], "categories": categories}
    (tmp_path / "some.json").write_text(json.dumps(content))
    data = DetectionData(shapes("train", 1), None, FromDataset(tmp_path / "some.json"), {})
    assert len(data.data_access) == 2 and data.tiling.data_access in as_level(seen_in(data.data_access, labels=False))


@pytest.mark.parametrize(
    ("images", "stored", "learnt"),
    [
        (Painted(6), "no teacher +real images +real labels", "no teacher +real images +real labels"),
        (Painted(6, data_access="teacher +verifier"), "teacher +verifier", "teacher +verifier"),
        (Painted(6, names=()), "no teacher +real images", None),
    ],
    ids=["real", "synthetic", "without labels"],
)
def test_a_tiled_set_remembers_what_it_was_made_from(
    tmp_path: Path, images: Painted, stored: str, learnt: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    distillation, _, trainer = parts(teacher=None, losses={"labels": Detection()})
    train(distillation, DetectionData(images, None, Fixed(1), {}), trainer, tmp_path, {}, tiled=3)
    tiled = Synthetic(tmp_path, 32)
    assert tiled.data_access == stored and tiled.class_names == images.class_names
    # The student knows none of these classes: nothing is trained.
    assert [len(tiled[i].labels) for i in range(3)] == [len(images.class_names) > 0] * 3
    assert ("the images have no boxes" in caplog.text) == (learnt is None)
    if learnt is not None:
        assert as_level(seen_by(distillation, DetectionData(tiled, None, Fixed(1), {}))) == learnt
