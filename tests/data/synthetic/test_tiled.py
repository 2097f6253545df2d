import json
from pathlib import Path

import pytest

from diode_pl.data.readers import Synthetic
from diode_pl.data.synthetic import write_tiled
from diode_pl.data.tiling import Fixed
from diode_pl.data.training_set import RelabeledSet, TrainingSet
from diode_pl.provenance import Provenance
from diode_pl.shapes import ShapesWorld


def images(tiles: int, size: int = 6) -> TrainingSet:
    world = ShapesWorld("train", size, 64)
    return TrainingSet(RelabeledSet(world, range(len(world.class_names))), 64, Fixed(tiles), mosaic=1.0)


def write(folder: Path, tiles: int = 4, count: int = 5) -> Synthetic:
    names = ShapesWorld("train", 1).class_names
    write_tiled(images(tiles), count, 0, folder, names, Provenance(teacher=True), {"tiling": tiles})
    return Synthetic(folder, 64)


def test_a_tiled_set_is_read_back_with_all_boxes_of_its_tiles(tmp_path: Path) -> None:
    written = write(tmp_path)
    assert len(written) == 5 and written.provenance == Provenance(teacher=True)
    world = ShapesWorld("train", 6, 64)
    fewest = min(len(world[i].labels) for i in range(6))
    assert all(len(written[i].labels) >= 4 * fewest for i in range(5))
    assert (tmp_path / "contact_sheet.png").is_file()


def test_one_tile_is_the_image_itself(tmp_path: Path) -> None:
    written, world = write(tmp_path, tiles=1, count=6), ShapesWorld("train", 6, 64)
    pixels = {written[i].image.numpy().tobytes() for i in range(6)}
    assert pixels == {world[i].image.numpy().tobytes() for i in range(6)}


def test_what_is_written_stays_and_the_rest_is_added(tmp_path: Path) -> None:
    write(tmp_path)
    record = tmp_path / "batches" / "000000.json"
    before = record.read_bytes()
    write(tmp_path)
    assert record.read_bytes() == before
    (tmp_path / "images" / "00000003.png").unlink()
    images_before = [entry["sha256"] for entry in json.loads(before)["images"]]
    write(tmp_path)
    assert [entry["sha256"] for entry in json.loads(record.read_bytes())["images"]] == images_before


def test_other_settings_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match="tiling: 4 there, 9 now"):
        write(tmp_path, tiles=9)


def test_a_set_that_grew_is_the_set_that_was_made_at_once(tmp_path: Path) -> None:
    write(tmp_path / "grown", tiles=2, count=64)
    grown, whole = write(tmp_path / "grown", tiles=2, count=128), write(tmp_path / "whole", tiles=2, count=128)
    assert all((grown[i].image == whole[i].image).all() for i in (0, 63, 64, 127))
