"""What was seen on the way to a data set and to a student."""

import json
import re
from pathlib import Path

import pytest

from diode_pl.classification.datamodule import CropData
from diode_pl.data import DetectionData
from diode_pl.data.readers import Synthetic
from diode_pl.data.tiling import Fixed, FromDataset
from diode_pl.distillation.jobs import tile
from diode_pl.distillation.losses import Detection, DistillLoss, Mimic
from diode_pl.provenance import (
    EXTERNAL_CLASSIFIER,
    GIVEN_WEIGHTS,
    OBJECT_COUNTS,
    PROXY_IMAGES,
    REAL_IMAGES,
    REAL_LABELS,
    Provenance,
)
from tests.data.painted import Painted
from tests.training_run import parts, shapes, tiny_detector, tiny_teacher


@pytest.mark.parametrize(
    ("text", "provenance"),
    [
        ("", Provenance()),
        ("teacher-only", Provenance(teacher=True)),
        ("no teacher", Provenance(teacher=False)),
        ("real images", REAL_IMAGES),
        ("given weights", GIVEN_WEIGHTS),
        ("proxy images +real labels", PROXY_IMAGES | REAL_LABELS),
        ("teacher +proxy images", Provenance(True, frozenset({"proxy images"}))),
        ("no teacher +real images +real labels", Provenance(False, frozenset({"real images", "real labels"}))),
        ("teacher +number of real objects per image", Provenance(True) | OBJECT_COUNTS),
        ("teacher +depth maps", Provenance(True, frozenset({"depth maps"}))),
    ],
)
def test_a_level_is_written_as_it_is_read(text: str, provenance: Provenance) -> None:
    assert str(provenance) == text and Provenance.parse(text) == provenance
    assert bool(provenance) == bool(text)


def test_earlier_versions_wrote_lists_and_other_orders() -> None:
    teacher, outside = Provenance(teacher=True), Provenance(teacher=False)
    assert Provenance.parse(["teacher"]) == teacher and not Provenance.parse([])
    assert Provenance.parse(["proxy images", "teacher"]) == teacher | PROXY_IMAGES
    assert Provenance.parse(["real images", "real labels"]) == outside | REAL_IMAGES | REAL_LABELS
    assert Provenance.parse("teacher +number of real objects an image") == teacher | OBJECT_COUNTS
    level = Provenance.parse("teacher +real labels +proxy images")
    assert level == teacher | PROXY_IMAGES | REAL_LABELS and str(level) == "teacher +proxy images +real labels"


def test_a_teacher_that_was_seen_once_stays_seen() -> None:
    teacher, outside, nothing = Provenance(teacher=True), Provenance(teacher=False), Provenance()
    assert teacher | outside == outside | teacher == teacher | nothing == teacher
    assert outside | nothing == nothing | outside == outside and nothing | nothing == nothing
    assert outside | REAL_IMAGES | teacher | REAL_LABELS == Provenance(True, frozenset({"real images", "real labels"}))


@pytest.mark.parametrize("text", ["real image", "", "teacher, real images", "teacher +raw images"])
def test_a_wrong_setting_is_answered_with_the_known_parts(text: str) -> None:
    with pytest.raises(ValueError, match=r"^provenance: .*proxy images, real images.*got '" + re.escape(text)):
        Painted(2, provenance=text)


def test_a_setting_may_be_any_known_level() -> None:
    for given in ("real images", "teacher-only", "no teacher +proxy images", "proxy images +real labels"):
        assert str(Painted(2, provenance=given).provenance) == given
    own = Provenance.parse("depth maps")  # in code, every source may have a name of its own
    assert Painted(2, provenance=own).provenance == own


class Seen(Fixed):
    """A tiling that has seen something."""

    provenance = Provenance.parse("object counts")


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
    before, images.provenance = images.provenance, Provenance.parse(level_of_images)
    try:
        given = {"losses": losses, "teacher": tiny_teacher() if teacher else None, "train": images, "val": None}
        distillation, _, _ = parts(**given, data={"tiling": tiling})
        assert str(distillation.provenance) == level
    finally:
        images.provenance = before


class FromOutside(Detection):
    """Brings something along."""

    provenance = EXTERNAL_CLASSIFIER


def test_what_a_loss_brings_along_the_student_has_seen() -> None:
    for weight, expected in ((0.5, True), (0.0, False)):
        distillation, _, _ = parts(losses={"mimic": Mimic(), "outside": FromOutside(weight)})
        assert ("external classifier" in distillation.provenance.others) == expected


@pytest.mark.parametrize(
    ("images", "seen"),
    [
        ("real images", REAL_IMAGES | REAL_LABELS),
        ("teacher-only", Provenance(teacher=True)),
        ("teacher +real labels", Provenance(teacher=True) | REAL_LABELS),
    ],
)
def test_crops_have_seen_the_labels_too(images: str, seen: Provenance) -> None:
    assert CropData(Painted(6, provenance=images)).provenance.with_labels(read=True) == seen


def test_counting_the_objects_of_a_data_set_is_seeing_its_labels(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    images, categories = [{"id": 1, "width": 9, "height": 9}], [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": [box], "categories": categories}
    (tmp_path / "some.json").write_text(json.dumps(content))
    data = DetectionData(shapes("train", 1), None, FromDataset(tmp_path / "some.json"), {})
    assert data.provenance == REAL_IMAGES | OBJECT_COUNTS == data.provenance.with_labels(read=False)


@pytest.mark.parametrize(
    ("images", "stored", "learned"),
    [
        (Painted(6), "no teacher +real images +real labels", "no teacher +real images +real labels"),
        (Painted(6, provenance="teacher +verifier"), "teacher +verifier", "teacher +verifier"),
        (Painted(6, names=()), "no teacher +real images", None),
    ],
    ids=["real", "synthetic", "without labels"],
)
def test_a_tiled_set_remembers_what_it_was_made_from(
    tmp_path: Path, images: Painted, stored: str, learned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    tile(DetectionData(images, None, Fixed(1), {}), 3, tmp_path, {})
    tiled = Synthetic(tmp_path, 32)
    assert str(tiled.provenance) == stored and tiled.class_names == images.class_names
    assert [len(tiled[i].labels) for i in range(3)] == [len(images.class_names) > 0] * 3
    assert ("the images have no boxes" in caplog.text) == (learned is None)
    if learned is not None:
        student = tiny_detector(names=images.class_names)
        given = {"losses": {"labels": Detection()}, "teacher": None, "student": student, "val": None}
        assert str(parts(**given, train=tiled)[0].provenance) == learned


def test_a_notebook_shows_the_level() -> None:
    assert Provenance(teacher=True)._repr_html_() == "data access level: <code>teacher-only</code>"
    assert Provenance.parse("weights from <a>.pt")._repr_html_().endswith("<code>weights from &lt;a&gt;.pt</code>")
    assert "not stated" in Provenance()._repr_html_()
