"""What the pixels tell."""

import torch

from diode_pl.data.synthetic.pixels import describe_pixels


def noise(seed: int, count: int = 1) -> torch.Tensor:
    return torch.randint(30, 220, (count, 3, 8, 9), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def differences(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def test_saturation_is_the_share_of_values_at_the_ends() -> None:
    images = noise(0, 2)
    images[1, 0, :4] = 0
    images[1, 1, :2] = 255
    assert describe_pixels(images)["saturation"] == [0.0, 0.25]


def test_images_that_look_alike_have_hashes_that_differ_in_few_bits() -> None:
    large = noise(0).repeat_interleave(16, 2).repeat_interleave(16, 3)
    brighter = large + 20
    slight = (large.int() + noise(1).repeat_interleave(16, 2).repeat_interleave(16, 3) // 60).to(torch.uint8)
    other = noise(2).repeat_interleave(16, 2).repeat_interleave(16, 3)
    first, *others = describe_pixels(torch.cat([large, brighter, slight, other]))["hashes"]
    assert len(first) == 16 and [differences(first, each) <= 3 for each in others] == [True, True, False]
    assert differences(first, others[0]) == 0
