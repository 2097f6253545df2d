"""A synthetic data set on disk."""

import json
from pathlib import Path

import pytest
import torch

from diode_pl.data.synthetic import Plan
from diode_pl.io.images import read_image, to_uint8
from tests.data.batches import contents, data_set, finished
from tests.io.process_ids import gone

PLAN = Plan(4, 2)

# ---------------------------------------------------------------- what is written


def test_a_batch_becomes_images_labels_and_a_record(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished(number=3, count=2))
    names = ["batches/000003.json", "images/00000006.png", "images/00000007.png"]
    assert list(contents(tmp_path)) == [*names, "labels/00000006.txt", "labels/00000007.txt"]


def test_images_are_lossless(tmp_path: Path) -> None:
    batch = finished(count=3)
    data_set(tmp_path).write(batch)
    for i, image in enumerate(batch.images):
        assert torch.equal(to_uint8(read_image(tmp_path / f"images/{i:08d}.png")), to_uint8(image))


def test_the_record_keeps_how_the_batch_was_made(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished(seed=5))
    record = json.loads((tmp_path / "batches/000000.json").read_text())
    assert record["seed"] == 5 and record["losses"] == {"detection": 0.25} and record["data_access"] == "teacher-only"
    assert record["configuration"]["losses"] == {"detection": {"weight": 1.0}}


def test_boxes_that_are_switched_off_are_not_written(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished(count=3))
    lines = [(tmp_path / f"labels/{i:08d}.txt").read_text().splitlines() for i in range(3)]
    assert [len(own) for own in lines] == [0, 1, 2]


# ---------------------------------------------------------------- what describes the whole


def test_an_empty_folder_has_nothing_to_finish(tmp_path: Path) -> None:
    assert data_set(tmp_path / "new").finish() is None
    assert not contents(tmp_path)


def test_finish_returns_what_dataset_json_holds(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished())
    assert dataset.finish() == json.loads((tmp_path / "dataset.json").read_text())


def test_finish_can_be_repeated_and_gives_the_same_bytes(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    for number in (1, 0):
        dataset.write(finished(number))
    dataset.finish()
    first = contents(tmp_path)
    assert {"annotations.json", "data.yaml", "dataset.json", "contact_sheet.png"} < set(first)
    data_set(tmp_path).finish()
    assert contents(tmp_path) == first


def test_the_next_run_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished())
    (tmp_path / f"images/.00000002.png.{gone()}.part").write_bytes(b"hal")
    data_set(tmp_path)
    assert not [name for name in contents(tmp_path) if name.endswith(".part")]


def test_a_strangers_part_file_stays(tmp_path: Path) -> None:
    (tmp_path / ".something.part").write_bytes(b"not ours")
    data_set(tmp_path)
    assert (tmp_path / ".something.part").exists()


# ---------------------------------------------------------------- going on


def test_a_batch_is_complete_once_written(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    assert not dataset.is_complete(0, PLAN)
    dataset.write(finished())
    assert dataset.is_complete(0, PLAN) and not dataset.is_complete(1, PLAN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "images/00000001.png").unlink(),
        lambda folder: (folder / "labels/00000000.txt").unlink(),
        lambda folder: (folder / "images/00000000.png").write_bytes(b"other"),
        lambda folder: (folder / "labels/00000001.txt").write_text("0 0.5 0.5 0.1 0.1\n"),
        lambda folder: (folder / "batches/000000.json").write_text('{"images": [{'),
        lambda folder: (folder / "batches/000000.json").write_text("{}"),
        lambda folder: (folder / "batches/000000.json").unlink(),
    ],
    ids=["no image", "no labels", "other image", "other labels", "half a record", "empty record", "no record"],
)
def test_a_damaged_batch_is_not_complete_and_can_be_made_anew(tmp_path: Path, damage) -> None:
    data_set(tmp_path).write(finished())
    damage(tmp_path)
    dataset = data_set(tmp_path)
    assert not dataset.is_complete(0, PLAN)
    dataset.write(finished())
    assert dataset.is_complete(0, PLAN)


def test_another_configuration_is_refused_by_the_key(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished())
    with pytest.raises(ValueError, match="losses.detection.weight: 1.0 there, 2.0 now"):
        data_set(tmp_path, losses={"detection": {"weight": 2.0}})


def test_what_does_not_change_the_images_may_differ(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished())
    assert data_set(tmp_path, num_images=400, output_dir="elsewhere", logger={"save_dir": "b"}).is_complete(0, PLAN)


def test_a_set_does_not_shrink(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished(0))
    dataset.write(finished(1, first=2))
    with pytest.raises(ValueError, match="batches up to number 1, more than are planned"):
        dataset.find_missing(Plan(2, 2))


def test_a_damaged_batch_is_missing_and_leaves_the_set(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    dataset.write(finished(0))
    dataset.write(finished(1, first=2))
    (tmp_path / "images/00000002.png").unlink()
    assert dataset.find_missing(Plan(6, 2)) == [1, 2]
    summary = dataset.finish()
    assert summary is not None and summary["images"] == 2


def test_growing_by_whole_batches_keeps_those_on_disk(tmp_path: Path) -> None:
    data_set(tmp_path, num_images=4).write(finished(0))
    grown = data_set(tmp_path, num_images=8)
    assert [grown.is_complete(batch, Plan(8, 2)) for batch in range(4)] == [True, False, False, False]


def test_growing_from_a_batch_that_is_not_full_is_refused(tmp_path: Path) -> None:
    data_set(tmp_path).write(finished(0, count=1))
    with pytest.raises(ValueError, match="num_images: .*000000.json holds 1 images where 2 are planned"):
        data_set(tmp_path, num_images=8).is_complete(0, PLAN)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"images": torch.full((2, 3, 8, 8), float("nan"))}, "images"),
        ({"losses": {"detection": 0.5, "total": float("inf")}}, "total"),
        ({"scores": {"teacher_map50": float("nan")}}, "teacher_map50"),
    ],
    ids=["images", "losses", "scores"],
)
def test_what_is_not_a_finite_number_is_not_written(tmp_path: Path, changes, named: str) -> None:
    with pytest.raises(FloatingPointError, match=f"^{named} not finite at the end of batch 0; try"):
        data_set(tmp_path).write(finished(**changes))
    assert not contents(tmp_path)


def test_an_interrupted_write_is_no_complete_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_the_second_image(self: Path, target: Path) -> Path:
        if "00000001" in target.name:
            raise OSError("disk full")
        return real(self, target)

    real = Path.replace
    monkeypatch.setattr(Path, "replace", fail_at_the_second_image)
    with pytest.raises(OSError, match="disk full"):
        data_set(tmp_path).write(finished())
    monkeypatch.undo()
    assert "images/00000000.png" in contents(tmp_path) and not data_set(tmp_path).is_complete(0, PLAN)


# ---------------------------------------------------------------- one file
