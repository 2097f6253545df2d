"""What every term of the objective owes."""

import pytest
import torch

from diode_pl.synthesis import losses
from diode_pl.synthesis.losses import Loss
from diode_pl.targets import Targets
from tests.tiny import TinyDetector, no_boxes, one_box_each, prepared, tiny_step

EXPORTS = [getattr(losses, name) for name in losses.__all__]
EVERY = [kind for kind in EXPORTS if issubclass(kind, Loss) and kind is not Loss]
every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


@every
def test_weight_is_kept_and_must_be_finite_and_not_negative(kind: type[Loss]) -> None:
    assert kind(weight=0.25).weight == 0.25
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="weight must be finite and >= 0"):
            kind(weight=wrong)


@every
def test_gradient_of_a_step_is_right(kind: type[Loss]) -> None:
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    loss, detector = kind(weight=1.0), TinyDetector().double()
    loss.prepare(detector, 4)
    assert torch.autograd.gradcheck(lambda x: loss(tiny_step(x, detector=detector)), images)
    loss(tiny_step(images, detector=detector)).backward()
    assert images.grad.abs().max() > 0


@every
@pytest.mark.parametrize("targets", [no_boxes(2), one_box_each(2)], ids=["no boxes", "boxes"])
def test_the_term_is_one_finite_number(kind: type[Loss], targets: Targets) -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), targets)
    term = prepared(kind(weight=1.0), step)(step)
    assert term.shape == () and term.isfinite()


@every
def test_nothing_but_reference_images_counts_as_data(kind: type[Loss]) -> None:
    assert not kind(weight=1.0).provenance
