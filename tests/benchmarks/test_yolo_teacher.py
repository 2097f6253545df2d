"""Sets that the package ultralytics can train on."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.yolo_teacher import write_yolo_set
from diode_pl.data.readers import ImageSet, Voc, Yolo
from diode_pl.shapes import ShapesWorld

XML = """<annotation><filename>a.jpg</filename><size><width>40</width><height>20</height><depth>3</depth></size>
<object><name>ace</name><bndbox><xmin>11</xmin><ymin>6</ymin><xmax>30</xmax><ymax>15</ymax></bndbox></object>
</annotation>"""


def require_same(written: ImageSet, given: ImageSet) -> None:
    assert len(written) == len(given) and written.class_names == given.class_names
    for one, other in zip(
        (written[i] for i in range(len(written))), (given[i] for i in range(len(given))), strict=True
    ):
        assert torch.equal(one.image, other.image) and torch.equal(one.labels, other.labels)
        assert torch.allclose(one.boxes, other.boxes, atol=1e-6)


def test_the_embedded_world_is_the_same_as_a_yolo_set(tmp_path: Path) -> None:
    splits: dict[str, ImageSet] = {"train": ShapesWorld("train", 3, 64), "val": ShapesWorld("val", 2, 64)}
    data = write_yolo_set(tmp_path, splits)
    for split, given in splits.items():
        require_same(Yolo(data, split, 64), given)


def test_pictures_are_copied(tmp_path: Path) -> None:
    for folder in ("Annotations", "JPEGImages"):
        (tmp_path / "voc" / folder).mkdir(parents=True)
    Image.effect_noise((40, 20), 50).convert("RGB").save(tmp_path / "voc/JPEGImages/a.jpg")
    (tmp_path / "voc/Annotations/a.xml").write_text(XML)
    given = Voc(tmp_path / "voc", None, 32)
    data = write_yolo_set(tmp_path / "set", {"train": given, "val": given})
    assert (tmp_path / "set/images/train/000000.jpg").read_bytes() == (tmp_path / "voc/JPEGImages/a.jpg").read_bytes()
    require_same(Yolo(data, "val", 32), given)


@pytest.mark.parametrize("again", [1, 2])
def test_it_is_written_again(tmp_path: Path, again: int) -> None:
    for size in (3, again):
        data = write_yolo_set(tmp_path, {split: ShapesWorld("val", size, 64) for split in ("train", "val")})
    assert len(Yolo(data, "train", 64)) == again
