"""Images that look like an earlier one, against a comparison of all pairs."""

import random

import pytest

from diode_pl.data.accept import NearDuplicates


def records(hashes: list[int], size: int = 5) -> list[dict]:
    entries = [{"file_name": f"{i}.png"} for i in range(len(hashes))]
    parts = range(0, len(hashes), size)
    words = [f"{value:016x}" for value in hashes]
    return [{"images": entries[i : i + size], "hashes": words[i : i + size]} for i in parts]


@pytest.mark.parametrize("bits", [0, 1, 3, 7])
def test_the_first_of_those_that_look_alike_is_accepted(bits: int) -> None:
    draw = random.Random(bits)
    hashes = [draw.getrandbits(64) for _ in range(40)]
    for value in hashes[:30]:
        hashes.append(value ^ sum(1 << bit for bit in draw.sample(range(64), draw.randint(0, bits + 2))))
    draw.shuffle(hashes)
    expected, kept = list[bool](), list[int]()
    for value in hashes:
        alike = any((value ^ other).bit_count() <= bits for other in kept)
        expected.append(alike)
        kept += [] if alike else [value]
    assert 5 < sum(expected) < 40
    judge = NearDuplicates(bits).start()
    assert [each.image is not None for record in records(hashes) for each in judge(record)] == expected


def test_the_image_that_it_looks_like_is_named_and_each_set_begins_anew() -> None:
    rule, (first, second) = NearDuplicates(), records([7, 6], size=1)
    judge = rule.start()
    assert judge(first)[0].image is None and judge(second)[0].image == "looks like 0.png"
    assert rule.start()(second)[0].image is None


def test_records_of_earlier_versions_are_accepted() -> None:
    assert [each.image for each in NearDuplicates().start()({"images": [{}, {}]})] == [None, None]


@pytest.mark.parametrize("bits", [-1, 16, 2.0])
def test_bits_out_of_range_are_refused(bits, unchecked) -> None:
    with pytest.raises(ValueError, match="bits must be an integer from 0 to 15"):
        NearDuplicates(bits)
