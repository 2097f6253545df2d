import pytest
import torch

from diode_pl.distillation.losses import Mimic, ObjectnessScaled
from diode_pl.distillation.losses.compatibility import head_shapes, probe, require_like_heads
from tests.detector.torchvision.small_networks import faster_rcnn
from tests.distillation.losses.batches import NAMES, SIZE, network
from tests.tiny import TinyDetector


def test_shapes_are_found_and_the_detector_stays_as_it_was() -> None:
    net = network().train()
    net.norm_layers()[0].eval()
    before, modes = {k: v.clone() for k, v in net.state_dict().items()}, [m.training for m in net.modules()]
    assert head_shapes(net, 64) == [(2, 8, 8, 8), (1, 16, 16, 8)]
    assert [m.training for m in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert head_shapes(network().double(), SIZE) == [(2, 4, 4, 8), (1, 8, 8, 8)]


def test_a_second_stage_counts_and_its_norms_stay_as_they_were() -> None:
    net = faster_rcnn(normed_head=True).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert head_shapes(net, 64) == [(768, 5), (192, 5), (48, 5), (20,)]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(module.training for module in net.modules())


def test_a_probe_tells_features_and_strides_without_gradient() -> None:
    found = probe(network().train(), 64)
    assert found.strides == (8, 4)
    assert [tuple(feature.shape) for feature in found.features] == [(1, 16, 8, 8), (1, 16, 16, 16)]
    assert not any(feature.requires_grad for feature in found.features)


def test_a_resolution_that_does_not_fit_is_refused_and_modes_are_restored() -> None:
    net = network().train()
    with pytest.raises(ValueError, match="multiples of 8, got 20 x 20"):
        head_shapes(net, 20)
    assert all(module.training for module in net.modules())


@pytest.mark.parametrize("kind", [Mimic, ObjectnessScaled])
def test_unlike_heads_are_named_with_the_way_out(kind: type[Mimic]) -> None:
    with pytest.raises(ValueError) as error:
        kind().prepare(network(), network(fine=None), SIZE)
    for part in ("at 32 px", "teacher's are [(2, 4, 4, 8), (1, 8, 8, 8)]", "student's [(2, 4, 4, 8)]"):
        assert part in str(error.value)
    assert "Decoded matches decoded boxes of unlike heads" in str(error.value)
    with pytest.raises(ValueError, match="raw heads need the same shapes"):
        kind().prepare(network(), network(coarse="6,6"), SIZE)


@pytest.mark.parametrize("kind", [Mimic, ObjectnessScaled])
@pytest.mark.parametrize("names", [("dog", "cat", "cup"), ("cat", "dog"), ("cat", "dog", "cow")])
def test_unlike_classes_are_named_with_the_way_out(kind: type[Mimic], names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as error:
        kind().prepare(network(), network(names=names), SIZE)
    assert str(list(NAMES)) in str(error.value) and str(list(names)) in str(error.value)
    assert "or take Decoded" in str(error.value)


def test_two_spellings_are_one_class() -> None:
    assert require_like_heads(network(names=("sofa", "Cat")), network(names=("couch", "cat")), SIZE)


def test_heads_of_another_kind() -> None:
    Mimic().prepare(TinyDetector(), TinyDetector(), 8)
    with pytest.raises(ValueError, match=r"expected YOLO heads \(anchors, rows, columns, 8\).*\(7, 2, 2\).*Decoded"):
        ObjectnessScaled().prepare(TinyDetector(), TinyDetector(), 8)
