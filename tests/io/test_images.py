from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diode_pl.io.images import (
    make_grid,
    read_folder,
    read_image,
    read_images,
    read_pixels,
    read_with_pixels,
    resize,
    to_pillow,
    to_uint8,
)


def save(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (5, 3)) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


def test_png_and_back_is_the_same_bytes(tmp_path: Path) -> None:
    images = torch.rand(3, 4, 6)
    to_pillow(images).save(tmp_path / "some.png")
    assert torch.equal(to_uint8(read_image(tmp_path / "some.png")), to_uint8(images))


def test_channels_and_axes_are_where_they_belong(tmp_path: Path) -> None:
    image = read_image(save(tmp_path / "some.png", (255, 51, 0)))
    assert image.shape == (3, 3, 5) and image.dtype == torch.float32
    torch.testing.assert_close(image[:, 1, 2], torch.tensor([1.0, 0.2, 0.0]))


def test_resolution_stretches_to_a_square(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "some.png", (9, 9, 9)), resolution=8).shape == (3, 8, 8)


def test_gray_and_palette_images_become_rgb(tmp_path: Path) -> None:
    Image.new("L", (2, 2), 128).save(tmp_path / "gray.png")
    Image.new("P", (2, 2)).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "gray.png").shape == read_image(tmp_path / "palette.png").shape == (3, 2, 2)


def test_what_is_no_image_raises_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "some.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="some.png is not a readable image"):
        read_image(tmp_path / "some.png")
    with pytest.raises(ValueError, match="absent.png is not a readable image"):
        read_image(tmp_path / "absent.png")


def test_a_truncated_image_raises(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    to_pillow(torch.rand(3, 40, 40)).save(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match="half.png is not a readable image"):
        read_image(path)


def test_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, level in (("c.png", 30), ("a.jpg", 10), ("b.PNG", 20)):
        save(tmp_path / name, (level, level, level))
    (tmp_path / "notes.txt").write_text("no image")
    levels = read_folder(tmp_path, 4).mean(dim=(1, 2, 3)) * 255
    assert levels.round().tolist() == [10, 20, 30]


def test_bad_images_are_skipped_named_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, level in (("a.png", 30), ("c.png", 60)):
        save(tmp_path / name, (level, level, level))
    for name in ("b.png", "d.gif"):
        (tmp_path / name).write_bytes(b"no image")
    assert (read_folder(tmp_path, 4).mean(dim=(1, 2, 3)) * 255).round().tolist() == [30, 60]
    assert (
        "b.png is not a readable image" in caplog.text and "d.gif is not" in caplog.text and "(2 so far)" in caplog.text
    )
    with pytest.raises(ValueError, match=r"none of the 2 images can be read; the first: .*b\.png is not"):
        read_images([tmp_path / "b.png", tmp_path / "d.gif"], 4)


def test_memory_that_does_not_suffice_is_the_fault_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(ValueError, match=r"a\.png is not a readable image: memory does not suffice for 5 x 3 pixels"):
        read_image(save(tmp_path / "a.png", (1, 2, 3)), 8)


def test_pixels_come_with_the_picture_that_they_are_of(tmp_path: Path) -> None:
    picture, pixels = read_with_pixels(save(tmp_path / "a.png", (1, 2, 3)), 8)
    assert picture.size == (5, 3) and pixels.shape == (3, 8, 8)
    assert read_pixels(tmp_path / "a.png", 8)[1] == (3, 5)


def test_a_folder_without_images_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="contains no image"):
        read_folder(tmp_path, 4)


def test_to_uint8_rounds_and_clips() -> None:
    values = torch.tensor([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 2.0]).expand(3, 2, 6)
    assert to_uint8(values)[0, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_grid_puts_pictures_row_by_row_on_white() -> None:
    pictures = [Image.new("RGB", (6, 5), (i, i, i)) for i in range(3)]
    sheet = np.array(make_grid(pictures, columns=2, gap=1))
    assert sheet.shape == (2 * 6 + 1, 2 * 7 + 1, 3)
    assert sheet[1, 1, 0] == 0 and sheet[1, 8, 0] == 1 and sheet[7, 1, 0] == 2
    assert sheet[0, 0, 0] == sheet[7, 8, 0] == 255


def test_images_are_scaled_without_rounding_and_stay_in_range() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert resize(images, 8) is images
    larger = resize(images, 16)
    assert larger.shape == (2, 3, 16, 16) and larger.min() >= 0 and larger.max() <= 1
    assert (larger * 255 - (larger * 255).round()).abs().max() > 0.1
