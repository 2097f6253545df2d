"""The nearest training pictures of synthetic images."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.nearest_neighbors import draw_pairs, find_neighbors, main, neighbor_table, read_listed
from diode_pl.detector import Detector
from diode_pl.io.images import to_pillow
from diode_pl.report import save_weights
from tests.training_run import tiny_teacher


@pytest.fixture
def detector() -> Detector:
    return tiny_teacher().freeze()


def draw_images(count: int, seed: int = 0) -> torch.Tensor:
    cells = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return cells.repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_finds_copies_also_mirrored_ones(detector: Detector) -> None:
    references = draw_images(6)
    images = torch.stack([references[4], references[2].flip(2), draw_images(1, seed=1)[0]])
    found = find_neighbors(detector, images, references)
    assert found.nearest_in_pixels[:2].tolist() == [4, 2] and found.nearest_in_features[0] == 4
    assert found.difference[:2].max() < 1e-3 < 0.1 < found.difference[2]
    assert found.similarity[0] == pytest.approx(1, abs=1e-5) and found.similarity.max() <= 1 + 1e-5
    rows = neighbor_table({"copies": found})
    assert rows[1][:2] == ["copies", "3"] and rows[1][3] == "0.000" and rows[1][5] == "1.000"


def test_pixels_differ_in_root_mean_square(detector: Detector) -> None:
    found = find_neighbors(detector, torch.full((1, 3, 64, 64), 0.75), torch.full((1, 3, 64, 64), 0.25))
    assert float(found.difference) == pytest.approx(0.5)


def test_draws_each_image_above_its_neighbor(detector: Detector, tmp_path: Path) -> None:
    references = draw_images(3)
    draw_pairs(find_neighbors(detector, references[:2], references), references[:2], references, tmp_path / "a.png")
    picture = Image.open(tmp_path / "a.png")
    assert picture.size == (2 * 64 + 3 * 4, 4 * 64 + 5 * 4)


def test_prints_a_table_of_images_and_held_out_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, count in (("images", 2), ("pictures", 5)):
        (tmp_path / folder).mkdir()
        for i, image in enumerate(draw_images(count)):
            to_pillow(image).save(tmp_path / folder / f"{i}.png")
    (tmp_path / "train.txt").write_text("0.png\n1 -1\n")
    save_weights(tiny_teacher(), tmp_path / "teacher.safetensors", {"resolution": "64"})
    words = ["teacher.safetensors", "images", "--trained-on", "pictures", "--train-list", "train.txt"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nearest_neighbors", *words, "--output", "pairs.png"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| synthetic images | 2 | 0.000 | 0.000 | 1.000 | 1.000 |")
    assert lines[3].startswith("| held-out pictures | 3 | 0.") and Image.open("pairs.png").size[0] > 0


def test_some_pictures_must_be_listed_and_some_not(tmp_path: Path) -> None:
    to_pillow(draw_images(1)[0]).save(tmp_path / "0.png")
    (tmp_path / "train.txt").write_text("0.png\n")
    with pytest.raises(ValueError, match="names 1 of the 1 images"):
        read_listed(tmp_path, tmp_path / "train.txt", 64)
