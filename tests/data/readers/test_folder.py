"""Folders of images without labels."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from diode_pl.data.readers import ImageFolder
from diode_pl.provenance import PROXY_IMAGES
from tests.data.readers.pictures import cut_short, paint, usable

CONF = Path(__file__).resolve().parents[3] / "conf"


def test_every_image_below_the_folder_and_nothing_else(tmp_path):
    for name in (
        "b.png",
        "a.JPEG",
        "sub/c.bmp",
        "sub/deeper/d.webp",
        "e.tif",
        ".ipynb_checkpoints/b.png",
        "sub/._c.bmp",
    ):
        paint(tmp_path / name)
    (tmp_path / "sub" / "notes.txt").write_text("no image")
    images = ImageFolder(tmp_path, 8)
    assert [images[i].name for i in range(len(images))] == ["a.JPEG", "b.png", "e.tif", "c.bmp", "d.webp"]
    assert images.class_names == () and images.provenance == PROXY_IMAGES
    assert images[2].boxes.shape == (0, 4) and images[2].size == (10, 20)


def test_a_split_is_a_folder_where_the_path_says_so(tmp_path):
    for name in ("100k/train/a.png", "100k/val/b.png", "other/c.png"):
        paint(tmp_path / name)
    assert list(usable(ImageFolder(tmp_path, 8, "100k/{split}", "val"))) == ["b.png"]
    assert list(usable(ImageFolder(f"{tmp_path}/100k/{{split}}", 8, split="train"))) == ["a.png"]
    with pytest.raises(ValueError, match=r"^split: '100k/\{split\}' needs one"):
        ImageFolder(tmp_path, 8, "100k/{split}")


def test_bad_images_are_skipped_up_to_the_limit(tmp_path):
    paint(tmp_path / "a.png")
    cut_short(tmp_path / "b.jpg")
    (tmp_path / "c.png").write_text("no image")
    images = ImageFolder(tmp_path, 8, max_bad=2)
    assert list(usable(images)) == ["a.png"] and len(images.bad_files) == 2
    with pytest.raises(ValueError, match=r"c\.png.*max_bad is 1"):
        usable(ImageFolder(tmp_path, 8, max_bad=1))


def test_pictures_that_cannot_be_decoded_are_named_and_counted(tmp_path, caplog):
    paint(tmp_path / "a.png")
    for name in ("b.heic", "c.eps", "d.gif"):
        (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0")
    (tmp_path / "e.png").symlink_to("/dev/zero")
    images = ImageFolder(tmp_path, 8, max_bad=4)
    assert list(usable(images)) == ["a.png"] and len(images.bad_files) == 4
    for name in ("b.heic", "c.eps", "d.gif", "e.png"):
        assert f"skipped {tmp_path / name}: " in caplog.text


def test_where_there_is_nothing_it_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"^root: .*absent is not a folder"):
        ImageFolder(tmp_path / "absent", 8)
    with pytest.raises(ValueError, match=r"^folder: .*train is not a folder"):
        ImageFolder(tmp_path, 8, "train")
    with pytest.raises(ValueError, match="contains no image"):
        ImageFolder(tmp_path, 8)


@pytest.mark.parametrize(
    ("name", "train", "val"),
    [
        ("bdd100k", "images/100k/train/0000f77c.jpg", "images/100k/val/b1c66a42.jpg"),
        ("gta5", "images/00001.png", "images/00001.png"),  # is not divided
        ("imagenet", "train/n01440764/n01440764_18.JPEG", "val/n01443537/ILSVRC2012_val_00000236.JPEG"),
    ],
)
def test_a_proxy_is_read_as_it_is_unpacked(tmp_path, name, train, val):
    for path in (train, val, "labels/beside.png"):
        paint(tmp_path / path)
    roots = [f"train.root={tmp_path}", f"val.root={tmp_path}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"data@train={name}", f"data@val={name}", *roots, "resolution=8"])
    for split, path in ((config.train, train), (config.val, val)):
        images = instantiate(split, _convert_="object")
        assert isinstance(images, ImageFolder) and len(images) == 1 and images.provenance == PROXY_IMAGES
        example = images[0]
        assert example.name == Path(path).name and example.image.shape == (3, 8, 8) and example.size == (10, 20)
        assert example.image[0].min() > 250 and example.image[1:].max() < 5 and len(example.labels) == 0


@pytest.mark.parametrize(("name", "count"), [("proxy_imagenet", 120), ("proxy_camvid", 60)])
def test_real_folders(shared_data, name, count):
    images = ImageFolder(shared_data / name, 32, "images", max_bad=0)
    assert len(images) == count
    assert len(usable(ImageFolder(shared_data / name, 32, limit=7, max_bad=0))) == 7
