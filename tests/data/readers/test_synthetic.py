"""What ``synthesize.py`` has made."""

import json
import shutil

import pytest
import torch

from diode_pl.data.readers import Coco, Synthetic, Yolo
from diode_pl.data.synthetic import Plan
from diode_pl.provenance import Provenance
from tests.data.batches import HEIGHT, NAMES, WIDTH, data_set, finished
from tests.data.readers.pictures import usable


@pytest.fixture
def folder(tmp_path):
    written = data_set(tmp_path)
    for number in range(2):
        written.write(finished(number, provenance=Provenance.parse("teacher +proxy images")))
    written.finish()
    return tmp_path


def test_images_boxes_and_access_are_those_of_the_set(folder):
    images = Synthetic(folder, 16)
    assert len(images) == 4 and images.class_names == NAMES
    assert images.provenance == Provenance(True, frozenset({"proxy images"}))
    for i in range(4):
        batch = finished(i // 2)
        boxes, labels = batch.targets.per_image()[i % 2]
        assert images[i].name == f"{i:08d}.png" and images[i].size == (HEIGHT, WIDTH)
        assert torch.equal(images[i].labels, labels)
        torch.testing.assert_close(images[i].boxes, boxes, atol=1e-5, rtol=0)


def test_the_other_readers_see_the_same(folder):
    images = Synthetic(folder, 16)
    others = Coco(folder, None, "images", "annotations.json", 16), Yolo(folder, "train", 16)
    for other in others:
        assert other.class_names == images.class_names and len(other) == 4
        for i in range(4):
            assert torch.equal(other[i].image, images[i].image) and torch.equal(other[i].labels, images[i].labels)
            torch.testing.assert_close(other[i].boxes, images[i].boxes, atol=1e-5, rtol=0)


def test_two_sets_side_by_side(folder, tmp_path_factory):
    parent = tmp_path_factory.mktemp("both")
    shutil.copytree(folder, parent / "val")
    assert len(Synthetic(f"{parent}/{{split}}", 16, "val")) == 4
    with pytest.raises(ValueError, match="train is not a finished synthetic set"):
        Synthetic(f"{parent}/{{split}}", 16, "train")


def test_bad_images_and_missing_labels(folder):
    (folder / "images" / "00000002.png").unlink()
    images = Synthetic(folder, 16, max_bad=1)
    assert len(usable(images)) == 3 and len(images.bad_files) == 1
    bare = Synthetic(folder, 16, limit=2, labeled=False)
    assert len(bare) == 2 and bare.class_names == ()


@pytest.mark.parametrize("name", ["annotations.json", "dataset.json"])
def test_a_set_that_is_not_finished_is_named_with_the_way_out(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"not a finished synthetic set, {name} not found.*A synthesis into"):
        Synthetic(folder, 16)


def test_a_set_that_is_not_complete_is_refused_unless_told(tmp_path):
    written = data_set(tmp_path)
    written.write(finished(0))
    written.finish(Plan(8, 2))
    with pytest.raises(ValueError, match=r"^root: .* is not complete, it holds 2 of 8 planned images.*partial=True"):
        Synthetic(tmp_path, 16)
    assert len(Synthetic(tmp_path, 16, partial=True)) == 2
    written.finish(Plan(2, 2))
    assert len(Synthetic(tmp_path, 16)) == 2


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_set_that_does_not_say_what_it_was_made_from_is_refused(folder, content):
    (folder / "dataset.json").write_text(content)
    with pytest.raises(ValueError, match=r"dataset\.json does not say what the images were made from"):
        Synthetic(folder, 16)


def test_access_is_what_dataset_json_holds(folder):
    assert json.loads((folder / "dataset.json").read_text())["data_access"] == str(Synthetic(folder, 16).provenance)
