"""What enters the norm layers of a forward pass."""

import pytest
import torch
from torch import nn

from diode_pl.detector import record_inputs
from diode_pl.detector.norm_inputs import find_called, name_called
from tests.detector.detectors import BUILDS, every, small, some_images
from tests.tiny import TinyDetector


def test_records_what_the_convolutions_give_in_the_order_of_the_layers() -> None:
    detector, images = TinyDetector(), torch.rand(2, 3, 8, 8)
    layers = detector.norm_layers()[::-1]
    with record_inputs(layers, lambda features: features) as inputs:
        detector(images)
    features = images
    for convolution, norm, (found,) in zip(detector.convolutions, detector.norms, inputs[::-1], strict=True):
        features = convolution(features)
        assert torch.equal(found, features)
        features = norm(features).tanh()


def test_each_call_counts_and_each_is_measured() -> None:
    layers = [nn.BatchNorm2d(3), nn.BatchNorm2d(2)]
    with record_inputs(layers, lambda features: features.shape[2]) as sides:
        for layer, side in ((layers[1], 4), (layers[0], 5), (layers[1], 6)):
            layer(torch.zeros(2, layer.num_features, side, 3))
    assert sides == [[5], [4, 6]]


def test_the_pass_is_the_same_and_so_are_the_gradients() -> None:
    detector = TinyDetector().requires_grad_(True)
    found = []
    for layers in (detector.norm_layers(), []):
        images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
        with record_inputs(layers, lambda features: features) as inputs:
            (head,) = detector(images).heads
        assert len(inputs) == len(layers) and all(each.requires_grad for (each,) in inputs)
        found.append((head, *torch.autograd.grad(head.square().sum(), [images, *detector.parameters()])))
    assert all(map(torch.equal, *found))


def test_nothing_is_recorded_outside_not_even_after_an_error() -> None:
    detector, seen = TinyDetector(), list[torch.Tensor]()
    with record_inputs(detector.norm_layers(), seen.append):
        detector(torch.rand(2, 3, 8, 8))
    detector(torch.rand(2, 3, 8, 8))
    assert len(seen) == 3
    with pytest.raises(RuntimeError, match="channels"), record_inputs(detector.norm_layers(), seen.append):
        detector(torch.rand(2, 4, 8, 8))
    detector(torch.rand(2, 3, 8, 8))
    assert len(seen) == 3


def test_a_layer_that_is_not_reached_is_an_error() -> None:
    layers = [nn.BatchNorm2d(3), nn.BatchNorm2d(3)]
    said = r"return only layers that forward\(\) calls; layers \[0\] "
    with pytest.raises(ValueError, match=said), record_inputs(layers, lambda features: features):
        layers[1](torch.rand(2, 3, 4, 4))


@every
def test_every_detector_tells_one_map_a_layer_for_all_images(name: str) -> None:
    detector = small(name)
    with record_inputs(detector.norm_layers(), lambda features: tuple(features.shape)) as shapes:
        detector(some_images(2))
    assert len(shapes) == BUILDS[name].norms[0] and all(len(calls) == 1 for calls in shapes)
    channels = [len(layer.running_var) for layer in detector.norm_layers()]
    assert [calls[0][:2] for calls in shapes] == [(2, count) for count in channels]


def test_layers_are_found_in_the_order_of_their_first_calls() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.idle, self.first = (nn.BatchNorm2d(2) for _ in range(3))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            assert not self.training
            return self.first(self.last(self.first(images)))

    network = Backwards()
    assert find_called(network, list(network.children()), torch.ones(1, 2, 3, 3)) == [network.first, network.last]
    assert name_called(network, (nn.BatchNorm2d,), torch.ones(1, 2, 3, 3)) == ["first", "last"]
    assert name_called(network, (nn.Conv2d,), torch.ones(1, 2, 3, 3)) == []
    assert all(layer.training for layer in network.children()) and not network.first._forward_pre_hooks
    assert bool((network.first.running_mean == 0).all())
