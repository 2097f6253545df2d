import numpy as np

from diode_pl.shapes.rng import PortableRandom


def test_dice_are_uniform_and_independent() -> None:
    rng = PortableRandom(1, 2, 3)
    drawn = np.array([rng.unit() for _ in range(4000)])
    assert drawn.min() >= 0 and drawn.max() < 1 and abs(drawn.mean() - 0.5) < 0.02
    assert abs(drawn.std() - 12**-0.5) < 0.01
    assert set(rng.below(5) for _ in range(100)) == set(range(5))
    share = np.bincount([rng.weighted((0.5, 0.3, 0.2)) for _ in range(2000)]) / 2000
    assert np.abs(share - (0.5, 0.3, 0.2)).max() < 0.04
    raw = rng.bytes(50, 41)
    assert raw.shape == (50, 41) and raw.min() == 0 and raw.max() == 255 and abs(raw.mean() - 127.5) < 6


def test_a_child_does_not_depend_on_what_was_drawn() -> None:
    fresh, used = PortableRandom(1, 2), PortableRandom(1, 2)
    used.unit()
    assert fresh.child(5).unit() == used.child(5).unit() != fresh.child(6).unit()
    assert PortableRandom(1, 2, 5).unit() == fresh.child(5).unit() != PortableRandom(2, 2, 5).unit()
