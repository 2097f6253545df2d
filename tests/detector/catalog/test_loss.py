import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diode_pl.detector import Detector
from diode_pl.targets import Targets
from tests.detector.detectors import BUILDS, every, no_targets, small, some_images, some_targets


def total(detector: Detector, images: Tensor, targets: Targets) -> Tensor:
    return sum(detector.loss(detector(images), targets).values())  # type: ignore[return-value]


@every
def test_it_learns(name: str) -> None:
    student = small(name).train()
    norms = [layer.running_mean.clone() for layer in student.norm_layers()]
    optimizer, history = torch.optim.Adam(student.parameters(), 0.01), []
    for _ in range(15):
        optimizer.zero_grad()
        loss = total(student, some_images(), some_targets())
        loss.backward()
        optimizer.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.6 * history[0]
    moved = [not torch.equal(a.running_mean, b) for a, b in zip(student.norm_layers(), norms, strict=True)]
    assert all(moved) if not BUILDS[name].frozen else not any(moved), "batch norm learns in training mode, frozen never"


@every
def test_every_term_tells_the_targets_apart(name: str) -> None:
    detector = small(name).freeze()
    outputs, targets = detector(some_images()), some_targets()
    terms, bare = detector.loss(outputs, targets), detector.loss(outputs, no_targets())
    assert all(term.shape == () and bool(term.isfinite()) and term > 0 for term in terms.values())
    assert all(bool(term.isfinite()) and term != terms[key] for key, term in bare.items())
    other = detector.loss(outputs, replace(targets, labels=1 - targets.labels))
    assert other.keys() == terms.keys() and any(other[key] != terms[key] for key in terms)
    again = detector.loss(outputs, targets)
    assert all(torch.equal(again[key], terms[key]) for key in terms), "drawn from no generator"


@every
def test_no_target(name: str) -> None:
    detector, images = small(name).freeze(), some_images().requires_grad_()
    loss = total(detector, images, no_targets())
    loss.backward()
    assert bool(loss.isfinite()) and bool(images.grad.isfinite().all())


@every
def test_targets_that_are_switched_off_count_for_nothing(name: str) -> None:
    detector, images, targets = small(name).freeze(), some_images().requires_grad_(), some_targets()
    outputs = detector(images)
    expected = detector.loss(outputs, targets.compact())
    for rubbish in (0.0, -3.0, math.nan, math.inf):
        extended = Targets(
            torch.cat([torch.full((1, 4), rubbish), targets.boxes, torch.full((1, 4), rubbish)]),
            torch.cat([torch.tensor([-1]), targets.labels, torch.tensor([99])]),
            torch.cat([torch.tensor([0]), targets.image_index, torch.tensor([1])]),
            2,
            torch.cat([torch.tensor([False]), targets.valid, torch.tensor([False])]),
        )
        found = detector.loss(outputs, extended)
        torch.testing.assert_close(found, expected)
        (gradient,) = torch.autograd.grad(sum(found.values()), images, retain_graph=True)
        assert bool(gradient.isfinite().all()), rubbish


@every
def test_boxes_without_an_area_count_for_nothing(name: str) -> None:
    detector, targets = small(name).freeze(), some_targets()
    outputs = detector(some_images())
    expected = detector.loss(outputs, targets)
    for flat in ([0.4, 0.3, 0.4, 0.6], [0.3, 0.4, 0.6, 0.4], [0.5, 0.5, 0.5, 0.5]):
        more = targets.cat(Targets(torch.tensor([flat, flat]), torch.tensor([0, 1]), torch.tensor([0, 1]), 2))
        found = detector.loss(outputs, more)
        torch.testing.assert_close(found, expected)


@every
def test_gradient_reaches_every_image(name: str) -> None:
    detector, images = small(name).freeze(), some_images().requires_grad_()
    loss = total(detector, images, some_targets())
    loss.backward()
    # Of how much the loss changes, in parts of itself, where each pixel moves by a tenth.
    reach = 0.1 * images.grad.abs().flatten(1).sum(dim=1) / loss.detach()
    assert bool(images.grad.isfinite().all()) and bool((reach > 0.05).all()), reach


@pytest.mark.parametrize("name", [name for name, case in BUILDS.items() if case.dense and case.fixed])
def test_gradient_is_the_slope_of_the_loss(name: str) -> None:
    detector, images = small(name).freeze().double(), some_images(dtype=torch.float64).requires_grad_()
    targets = some_targets(torch.float64)
    assert torch.autograd.gradcheck(lambda x: total(detector, x, targets), images, fast_mode=True)
