import pytest

from diode_pl.detector.input_size import InputSize
from tests.detector.detectors import small
from tests.distillation.losses.batches import network
from tests.tiny import TinyDetector


def test_a_detector_takes_multiples_of_its_stride_unless_it_says_more() -> None:
    assert (TinyDetector().stride, TinyDetector().smallest) == (4, 4)
    assert (network().stride, network().smallest) == (8, 8)
    assert (small("ssd").stride, small("ssd").smallest) == (4, 32)


def test_several_take_what_every_one_of_them_takes() -> None:
    sides = InputSize.from_detectors({"teacher": network(), "student": TinyDetector()})
    assert (sides.step, sides.smallest, sides.who) == (8, 8, "teacher and student")
    # The least side of one need not be a multiple of the other's stride.
    odd = TinyDetector()
    odd.smallest = 12
    assert InputSize.from_detectors({"teacher": odd, "student": network()}).smallest == 16
    odd.stride = 12
    assert InputSize.from_detectors({"teacher": odd, "student": network()}).step == 24


@pytest.mark.parametrize(("side", "nearest"), [(100, 96), (125, 128), (8, 64), (32, 64), (0, 64)])
def test_other_sides_are_refused(side: int, nearest: int) -> None:
    said = rf"val\.resolution must be a multiple of 32 px, at least 64 px, for student, got {side} px; .* {nearest}$"
    with pytest.raises(ValueError, match=said):
        InputSize(32, 64, "student").check("val.resolution", side)
    InputSize(32, 64, "student").check("val.resolution", nearest)
    assert InputSize(32, 64, "student").supports(nearest) and not InputSize(32, 64, "student").supports(side)
