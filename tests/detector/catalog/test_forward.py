import copy

import pytest
import torch
from torch import Tensor, nn

from tests.detector.detectors import BUILDS, SIZE, every, small, some_images, some_targets

SIZES = [(SIZE, SIZE), (SIZE, 96)]


@every
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_images_of_several_sizes(name: str, height: int, width: int) -> None:
    detector = small(name)
    outputs = detector(some_images(2, height, width))
    assert outputs.image_size == (height, width) and len(outputs.features) == len(outputs.strides)
    for feature, stride in zip(outputs.features, outputs.strides, strict=True):
        assert len(feature) == 2 and feature.shape[2] == -(-height // stride)
        # Where little is left of an image, its sides have no stride in common.
        assert feature.shape[3] == -(-width // stride) or feature.shape[2] == 1
    assert all(bool(each.isfinite().all()) for each in (*outputs.heads, *outputs.features))


def test_strides_of_maps_that_are_rounded_up_are_powers_of_two() -> None:
    outputs = small("ssd")(some_images(1, 68, 68))
    assert [feature.shape[2] for feature in outputs.features] == [9, 5, 3] and outputs.strides == (8, 16, 32)


@every
def test_images_of_a_wrong_size(name: str) -> None:
    detector = small(name)
    for height, width in ((SIZE, SIZE + 2), (SIZE + 1, SIZE)):
        with pytest.raises(ValueError, match=rf"must be multiples of {detector.stride}\b.* got {height} x {width}"):
            detector(some_images(1, height, width))


@pytest.mark.parametrize("name", [name for name in BUILDS if name != "darknet"])
def test_images_that_are_too_small(name: str) -> None:
    detector = small(name)
    side = detector.smallest - detector.stride
    with pytest.raises(ValueError, match=f"and at least {detector.smallest}, got {side} x {SIZE}"):
        detector(some_images(1, side, SIZE))


@every
def test_one_image_at_a_time_gives_the_same(name: str) -> None:
    detector, images = small(name).double(), some_images(dtype=torch.float64)
    together, alone = detector(images), [detector(image[None]) for image in images]
    for part in ("heads", "features"):
        for found, *single in zip(getattr(together, part), *(getattr(each, part) for each in alone), strict=True):
            torch.testing.assert_close(found, torch.cat(single))


@every
def test_channels_last_gives_the_same(name: str) -> None:
    detector, images = small(name), some_images()
    last = copy.deepcopy(detector).to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    for found, expected in zip(last.heads, detector(images).heads, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@every
def test_half_precision_stays_near(name: str) -> None:
    detector, images, targets = small(name).freeze(), some_images(), some_targets()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = detector(images)
        terms, dense = detector.loss(outputs, targets), detector.decode(outputs)
    assert {term.dtype for term in terms.values()} == {torch.float32}
    assert {dense.boxes.dtype, dense.objectness.dtype, dense.classes.dtype} == {torch.float32}
    full = detector(images)
    for found, expected in zip(outputs.features, full.features, strict=True):
        assert (found - expected).norm() < BUILDS[name].coarse * expected.norm()
    assert float(sum(terms.values())) == pytest.approx(float(sum(detector.loss(full, targets).values())), rel=0.2)


@every
@pytest.mark.parametrize(("height", "width"), [(SIZE, SIZE), (21, 38)])
def test_stem_takes_images_of_any_size(name: str, height: int, width: int) -> None:
    detector, images = small(name).freeze(), some_images(2, height, width).requires_grad_()
    found = detector.forward_stem(images)
    assert len(found) == 2 and 1 <= found.shape[2] <= height and 1 <= found.shape[3] <= width
    found.square().sum().backward()
    assert bool(images.grad.isfinite().all()) and images.grad.abs().mean() > 1e-4


@every
def test_stem_is_the_beginning_of_the_network(name: str) -> None:
    detector, images = small(name), some_images()
    seen: list[Tensor] = []

    def note(_: nn.Module, __: object, found: object) -> None:
        if isinstance(found, Tensor):
            seen.append(found.clone())

    for module in detector.modules():
        if not list(module.children()):
            module.register_forward_hook(note)
    detector(images)
    beginning, stem = seen[:4], detector.forward_stem(images)
    assert any(each.shape == stem.shape and torch.equal(each, stem) for each in beginning)
