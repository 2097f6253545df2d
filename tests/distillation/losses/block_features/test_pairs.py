"""Which norm layers are compared."""

import pytest
from torch import nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses.block_features.pairs import find_unlike_norm_layer, list_norm_layers, pair_norm_layers
from tests.distillation.losses.batches import NAMES, SIZE, network
from tests.tiny import TinyDetector


def difference(teacher: Detector, student: Detector, resolution: int) -> str | None:
    return find_unlike_norm_layer(list_norm_layers(teacher, resolution), list_norm_layers(student, resolution))


def pairs(teacher: Detector, student: Detector, resolution: int) -> list[tuple[int, int]]:
    return pair_norm_layers(list_norm_layers(teacher, resolution), list_norm_layers(student, resolution))


class Odd(TinyDetector):
    """Takes the given layers for its first norm layers."""

    def __init__(self, *layers: nn.Module, count: int = 3) -> None:
        super().__init__()
        self.norms = nn.ModuleList([*layers, *self.norms[len(layers) :]])
        self.count = count
        self.freeze()

    def norm_layers(self) -> list[nn.Module]:
        return list(self.norms[: getattr(self, "count", 0)])  # the base class asks first


def wider() -> TinyDetector:
    detector = TinyDetector()
    detector.convolutions[1], detector.norms[1] = nn.Conv2d(4, 7, 3, 2, 1), nn.BatchNorm2d(7)
    detector.convolutions[2] = nn.Conv2d(7, 5, 3, 1, 1)
    return detector


def finer() -> TinyDetector:
    detector = TinyDetector()
    detector.convolutions[1].stride = (1, 1)
    return detector


@pytest.mark.parametrize(
    ("teacher", "student", "said"),
    [
        (
            TinyDetector(),
            wider(),
            "layer 1 (from 0) is norms.1 of (6, 2, 2) in the teacher and norms.1 of (7, 2, 2) in",
        ),
        (
            TinyDetector(),
            finer(),
            "layer 1 (from 0) is norms.1 of (6, 2, 2) in the teacher and norms.1 of (6, 4, 4) in",
        ),
        (TinyDetector(), Odd(count=2), "layer 2 (from 0) is norms.2 of (5, 2, 2) in the teacher and missing in the"),
        (Odd(count=1), TinyDetector(), "layer 1 (from 0) is missing in the teacher and norms.1 of (6, 2, 2) in the"),
        (TinyDetector(norm=False), TinyDetector(), "the teacher has no norm layers"),
        (Odd(nn.GroupNorm(2, 4)), TinyDetector(), "a GroupNorm of the teacher has no running statistics"),
    ],
    ids=["channels", "size", "fewer", "more", "none", "group norm"],
)
def test_the_first_difference_is_described(teacher: Detector, student: Detector, said: str) -> None:
    assert said in str(difference(teacher, student, 8))


def test_heads_and_classes_need_not_be_alike() -> None:
    teacher, student = network().train(), network(fine=None, names=NAMES[:1], seed=1).train()
    before = [detector.fingerprint() for detector in (teacher, student)]
    assert difference(teacher, student, SIZE) is None
    assert [detector.fingerprint() for detector in (teacher, student)] == before
    assert all(module.training for detector in (teacher, student) for module in detector.modules())


def test_like_detectors_are_paired_layer_by_layer() -> None:
    assert pairs(network(), network(), SIZE) == [(0, 0), (1, 1), (2, 2)]


def test_layers_of_one_size_are_paired_along_the_way() -> None:
    sizes = [layer.sizes for layer in list_norm_layers(TinyDetector(), 8)]
    assert sizes == [((4, 4),), ((2, 2),), ((2, 2),)]
    assert pairs(TinyDetector(), wider(), 8) == [(0, 0), (1, 1), (2, 2)]
    assert pairs(TinyDetector(), finer(), 8) == [(0, 0), (0, 1), (0, 2)]
    assert pairs(finer(), TinyDetector(), 8) == [(2, 0)]
    assert pairs(TinyDetector(), Odd(count=2), 8) == [(0, 0), (2, 1)]


def test_what_has_no_statistics_or_no_like_size_is_left_out() -> None:
    assert pairs(Odd(nn.GroupNorm(2, 4)), TinyDetector(), 8) == [(1, 1), (2, 2)]
    assert pairs(TinyDetector(norm=False), TinyDetector(), 8) == []
