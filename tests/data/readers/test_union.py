"""Several sets as one."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from diode_pl.data import DetectionData
from diode_pl.data.readers import ImageFolder, UniformNoise, WeightedUnion
from diode_pl.data.tiling import Fixed
from diode_pl.provenance import Provenance
from tests.data.painted import SIDE, Crowded, Painted, same
from tests.tiny import TinyDetector


def union(weights=None, **sets) -> WeightedUnion:
    return WeightedUnion(sets or {"ours": Painted(4), "public": Painted(12)}, weights)


def loaded(images: WeightedUnion, **options) -> DetectionData:
    made = DetectionData(images, None, Fixed(1), {}, **{"batch_size": 4, "mosaic": 0.0} | options)
    made.match_classes(images.class_names)
    made.setup("fit")
    return made


def epoch(made: DetectionData, number: int = 0) -> list[int]:
    sampler = made.train_dataloader().batch_sampler
    sampler.set_epoch(number)
    return [draw.index for batch in sampler for draw in batch]


def test_images_follow_each_other_with_the_classes_of_the_first() -> None:
    first, second = Painted(3, ("cat", "TV")), Painted(4, ("cup", "tvmonitor", "cat"))
    joined = union(a=first, b=second)
    assert len(joined) == 7 and joined.class_names == ("cat", "TV", "cup") and joined.resolution == SIDE
    assert same(joined[1], first[1]) and joined[4].path == second[1].path
    assert [int(joined[3 + i].labels) for i in range(4)] == [2, 1, 0, 2]
    assert torch.equal(joined.annotation(5).boxes, second[2].boxes) and int(joined.annotation(5).labels) == 0
    assert [joined.part(i).name for i in (0, 2, 3, 6)] == ["a", "a", "b", "b"]
    for i in (-1, 7):
        with pytest.raises(IndexError):
            joined[i]


def test_ignored_regions_have_the_classes_of_the_union() -> None:
    joined = union(a=Painted(3, ("cat", "TV")), b=Crowded(Painted(4, ("cup", "tvmonitor", "cat"))))
    assert [joined[3 + i].ignored.labels.tolist() for i in range(3)] == [[2], [1], [0]]
    assert joined[4].areas.tolist() == [8] and joined[0].ignored is None


@pytest.mark.parametrize(("options", "length"), [({}, 16), ({"steps_per_epoch": 10}, 40)])
def test_shares_of_an_epoch_follow_the_weights(options, length: int) -> None:
    made = loaded(union({"ours": 3.0, "public": 1.0}), **options)
    drawn = epoch(made)
    counts = Counter(i < 4 for i in drawn)
    assert len(drawn) == length and counts[True] == length * 3 // 4
    assert {*Counter(i for i in drawn if i < 4).values()} <= {3, 7, 8}  # evenly within a set
    assert {min(i, 4) for i in drawn[:8]} > {4}  # in no order of the sets
    again = loaded(union({"ours": 3.0, "public": 1.0}), **options)
    assert epoch(again, 3) == epoch(made, 3) != drawn == epoch(again)


def test_mosaics_are_of_images_by_their_weights_too() -> None:
    made = loaded(union({"ours": 9.0, "public": 1.0}), mosaic=1.0, steps_per_epoch=60)
    names = [
        part.split(".")[0] for batch in made.train_dataloader() for name in batch.names for part in name.split("+")
    ]
    # Images 0 to 3 are in both.
    assert len(names) == 960 and sum(int(name) < 4 for name in names) / 960 == pytest.approx(0.9 + 0.1 / 3, abs=0.03)


def test_bad_images_and_annotations_are_counted_together() -> None:
    sets = {"a": Painted(5, bad={1}, max_bad=2), "b": Painted(5, bad={0, 4}, max_bad=2)}
    sets["a"].bad_files.add("a.xml", "odd")
    joined = union(**sets)
    assert len(loaded(joined).open_training_set()) == 7 and len(joined.bad_files) == 4
    sets["b"].bad.add(2)
    with pytest.raises(ValueError, match="5 images or annotations cannot be used.*max_bad is 4"):
        loaded(union(**sets))


def test_where_labels_are_read_every_set_has_some_or_a_teacher_adds_them() -> None:
    made = loaded(union(ours=Painted(4), public=Painted(4, ())))
    made.require_labels(["detection"], everywhere=False)
    with pytest.raises(
        ValueError, match=r"^train and losses: detection needs labels, which public of the sets has not"
    ):
        made.require_labels(["detection"])
    loaded(union()).require_labels(["detection"])


@pytest.mark.parametrize(
    ("labels", "read", "expected"),
    [
        (("cat",), False, "teacher +real images"),
        (("cat",), True, "teacher +real images +real labels"),
        ((), True, "teacher +real images"),
    ],
)
def test_provenance_is_that_of_all_and_of_the_labels_that_are_read(labels, read: bool, expected: str) -> None:
    made = loaded(union(ours=Painted(4, provenance="teacher-only"), public=Painted(4, labels)))
    assert str(made.provenance_with_labels(read)) == expected and made.provenance == Provenance.parse(
        "teacher +real images"
    )


def test_the_teacher_must_suit_every_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    joined = union()
    for name, each in joined.sets.items():
        monkeypatch.setattr(each, "require_teacher", lambda teacher, name=name: asked.append((name, teacher)))
    joined.require_teacher(teacher := TinyDetector())
    assert asked == [("ours", teacher), ("public", teacher)]


def test_files_that_are_measured_on_too_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    folder = ImageFolder(tmp_path, SIDE)
    assert union(ours=Painted(2), public=folder).files() == {tmp_path / "a.png", tmp_path / "b.png"}
    val = union(labels=Painted(2), public=folder)
    DetectionData(union(ours=Painted(2), public=folder), val, Fixed(1), {}).match_classes(("cat",))
    assert "val: 2 of 4 images are training images" in caplog.text


def test_only_sets_that_are_all_computed_are_computed() -> None:
    noise = UniformNoise(3, SIDE)
    assert union(a=noise, b=noise).computed and not union(a=noise, b=Painted(3)).computed


def test_what_does_not_fit_is_named(unchecked: None) -> None:
    assert len(WeightedUnion({"a": Painted(3), "b": None}, {"b": 2.0})) == 3
    for sets, weights, message in (
        ({}, {}, "^sets: expected at least one"),
        ({"a": Painted(3), "b": Painted(3, side=64)}, {}, "^sets: their resolutions must be equal, got .*'b': 64"),
        ({"a": Painted(3)}, {"ours": 1.0}, "^weights: ours names none of the sets a"),
        ({"a": Painted(3)}, {"a": 0.0}, "^weights must be above 0, got .*'a': 0.0.*; a set of None is left out"),
    ):
        with pytest.raises(ValueError, match=message):
            WeightedUnion(sets, weights)
