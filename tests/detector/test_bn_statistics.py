"""Batch statistics of what enters the norm layers."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector import BatchNormRecorder, channel_stats
from tests.tiny import TinyDetector

LAYOUTS = (torch.contiguous_format, torch.channels_last)
layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=str)


@layouts
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1, 5, 4, 3), (3, 1, 4, 3), (3, 5, 1, 1), (1, 4, 1, 1)], ids=str)
def test_moments_are_those_of_var_mean(layout: torch.memory_format, shape: tuple[int, ...]) -> None:
    features = (torch.randn(shape) * 3 + 1).contiguous(memory_format=layout)
    mean, var = channel_stats(features)
    wide = features.double()
    torch.testing.assert_close(mean.double(), wide.mean(dim=(0, 2, 3)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(var.double(), wide.var(dim=(0, 2, 3), correction=0), atol=1e-5, rtol=1e-5)


@layouts
def test_variance_survives_a_mean_far_from_zero(layout: torch.memory_format) -> None:
    features = (torch.randn(4, 3, 16, 16) * 0.1 + 100).contiguous(memory_format=layout)
    exact = features.double().var(dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(channel_stats(features).var.double(), exact, rtol=1e-2, atol=0)


@layouts
@pytest.mark.parametrize("which", [0, 1])
def test_gradient_of_each_moment_is_right(layout: torch.memory_format, which: int) -> None:
    features = torch.randn(2, 3, 3, 2, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: channel_stats(x)[which], features)
    assert torch.autograd.gradcheck(lambda x: torch.cat([m.exp() for m in channel_stats(x)]), features)


@layouts
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_measured_in_single(layout: torch.memory_format, dtype: torch.dtype) -> None:
    features = (torch.randn(4, 3, 8, 8) + 5).to(dtype).contiguous(memory_format=layout).requires_grad_()
    mean, var = channel_stats(features)
    assert mean.dtype == var.dtype == torch.float32
    torch.testing.assert_close(mean, features.detach().float().mean(dim=(0, 2, 3)))
    (mean.sum() + var.sum()).backward()
    wide = features.detach().float().requires_grad_()
    (wide.mean(dim=(0, 2, 3)).sum() + wide.var(dim=(0, 2, 3), correction=0).sum()).backward()
    assert features.grad.dtype == dtype
    torch.testing.assert_close(features.grad.float(), wide.grad, atol=1e-4, rtol=1e-2)


def test_recording_fills_in_forward_order_what_batch_norm_itself_would_see() -> None:
    detector = TinyDetector()
    inputs: list[Tensor] = []
    handles = [m.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for m in detector.norm_layers()]
    statistics = BatchNormRecorder(detector.norm_layers())
    with statistics.recording():
        detector(torch.rand(2, 3, 8, 8))
    for handle in handles:
        handle.remove()
    assert [len(m.mean) for m in statistics.batch] == [4, 6, 5]
    for seen, features in zip(statistics.batch, inputs, strict=True):
        layer = nn.BatchNorm2d(features.shape[1], momentum=1.0)
        layer(features)
        torch.testing.assert_close(seen.mean, layer.running_mean)
        count = features.numel() / features.shape[1]
        torch.testing.assert_close(seen.var, layer.running_var * (count - 1) / count)


def test_only_the_layers_asked_for_are_watched() -> None:
    detector = TinyDetector()
    statistics = BatchNormRecorder(detector.norm_layers()[:1])
    with statistics.recording():
        detector(torch.rand(2, 3, 8, 8))
    assert [len(m.mean) for m in statistics.batch] == [4] == [len(m.mean) for m in statistics.running]


def test_every_recording_starts_anew_and_nothing_is_recorded_outside() -> None:
    detector = TinyDetector()
    statistics = BatchNormRecorder(detector.norm_layers())
    for _ in range(2):
        with statistics.recording():
            detector(torch.rand(2, 3, 8, 8))
        detector(torch.rand(2, 3, 8, 8))
        assert len(statistics.batch) == 3


def test_an_error_while_recording_leaves_no_hook() -> None:
    detector = TinyDetector()
    statistics = BatchNormRecorder(detector.norm_layers())
    with pytest.raises(RuntimeError), statistics.recording():
        detector(torch.rand(2, 4, 8, 8))
    detector(torch.rand(2, 3, 8, 8))
    assert statistics.batch == []


def test_of_a_layer_that_is_called_several_times_it_is_what_its_running_statistics_are() -> None:
    """One head over maps of several sizes; torch, too, learns from each call by itself."""
    head = RetinaNetHead(8, 1, 2, norm_layer=partial(nn.BatchNorm2d, momentum=None)).double().train()
    norms = [layer for layer in head.modules() if isinstance(layer, nn.BatchNorm2d)]
    statistics, draw = BatchNormRecorder(norms), torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 8, side, side, generator=draw, dtype=torch.float64) * side for side in (8, 4, 2)]
    with statistics.recording():
        head(maps)
    assert len(statistics.batch) == len(norms) == 8
    for seen, learned in zip(statistics.batch, statistics.running, strict=True):
        torch.testing.assert_close(seen.mean, learned.mean)
    seen, learned = statistics.batch[0], statistics.running[0]
    assert seen.mean.std() > 0 and bool((seen.var < learned.var).all()), "torch divides by n - 1"
    torch.testing.assert_close(seen.var, learned.var, rtol=0.1, atol=0)


def test_a_layer_that_is_not_reached_is_an_error() -> None:
    layers = [nn.BatchNorm2d(3), nn.BatchNorm2d(3)]
    said = r"return only layers that forward\(\) calls; layers \[0\] "
    with pytest.raises(ValueError, match=said), BatchNormRecorder(layers).recording():
        layers[1](torch.rand(2, 3, 4, 4))


def test_eps_is_that_of_each_layer() -> None:
    class Plain(nn.Module):
        running_mean = running_var = torch.ones(3)

    assert BatchNormRecorder([nn.BatchNorm2d(3, eps=1e-3), FrozenBatchNorm2d(3, eps=0.0), Plain()]).eps == [1e-3, 0, 0]


def test_gradient_reaches_the_images_through_every_layer() -> None:
    detector = TinyDetector()
    statistics = BatchNormRecorder(detector.norm_layers())
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    with statistics.recording():
        detector(images)
    for seen in statistics.batch:
        (gradient,) = torch.autograd.grad(seen.mean.sum() + seen.var.sum(), images, retain_graph=True)
        assert gradient.abs().max() > 0


def test_running_statistics_are_those_of_the_layers_wherever_these_are_moved() -> None:
    layer = nn.BatchNorm2d(3)
    statistics = BatchNormRecorder([layer])
    nn.Sequential(layer).double()  # replaces the buffers, as a move to another device does
    layer.running_var.fill_(7)
    assert statistics.running[0].mean.dtype == torch.float64 and statistics.running[0].var[0] == 7
