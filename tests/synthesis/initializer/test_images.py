from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Generator

from diode_pl.provenance import PROXY_IMAGES
from diode_pl.synthesis.initializer import Images

LEVELS = (51, 102, 153)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for level in LEVELS:
        Image.new("RGB", (6, 4), (level, level, level)).save(tmp_path / f"{level}.png")
    return tmp_path


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_images_are_drawn_from_the_folder_with_replacement(folder: Path) -> None:
    images = Images(folder)(60, 8, seeded())
    assert images.shape == (60, 3, 8, 8)
    drawn = (images.mean(dim=(1, 2, 3)) * 255).round().int()
    counts = [int((drawn == level).sum()) for level in LEVELS]
    assert sum(counts) == 60 and min(counts) > 5


def test_share_mixes_with_clipped_noise(folder: Path) -> None:
    mixed = Images(folder, share=0.5)(8, 8, seeded())
    plain = Images(folder)(8, 8, seeded())
    noise = (mixed - 0.5 * plain) * 2
    assert noise.min() > -1e-5 and noise.max() < 1 + 1e-5
    assert (noise < 1e-5).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_share_zero_is_noise_alone(folder: Path) -> None:
    assert (Images(folder, share=0.0)(4, 8, seeded()) == 0).float().mean().item() == pytest.approx(0.5, abs=0.08)


def test_same_seed_same_images(folder: Path) -> None:
    mix = Images(folder, 0.5)
    assert torch.equal(mix(4, 8, seeded(1)), mix(4, 8, seeded(1)))
    assert not torch.equal(mix(4, 8, seeded(1)), mix(4, 8, seeded(2)))


def test_a_result_says_that_it_saw_them(folder: Path) -> None:
    assert Images(folder).provenance == PROXY_IMAGES


def test_bad_images_are_skipped_named_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "102.png").write_bytes(b"no image")
    (folder / "z.heic").touch()
    mix = Images(folder)
    first, again = mix(40, 8, seeded()), Images(folder)(40, 8, seeded())
    assert {*(first.mean(dim=(1, 2, 3)) * 255).round().int().tolist()} == {51, 153} and torch.equal(first, again)
    caplog.clear()
    assert len(mix(40, 8, seeded(1))) == 40 and not caplog.text, "each is named once"


def test_a_folder_without_a_good_image_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"folder: none of the 2 images can be read; the last: .*[ab]\.png is not"):
        Images(tmp_path)(3, 8, seeded())
    assert caplog.text.count("skipped") == 2 and "(2 so far)" in caplog.text


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_out_of_range_raises(folder: Path, share: float) -> None:
    with pytest.raises(ValueError, match="^share must"):
        Images(folder, share)


def test_a_folder_without_images_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="contains no image"):
        Images(tmp_path)(1, 8, seeded())
