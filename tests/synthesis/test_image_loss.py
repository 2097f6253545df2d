import torch

from diode_pl.augmentations import Brightness
from diode_pl.synthesis.image_loss import ImageLoss
from diode_pl.synthesis.loss_weighting import ConstantWeights
from diode_pl.synthesis.losses import BatchNormStatistics, Detection, Objective
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import sign_descent
from tests.tiny import TinyDetector, tiny_step


def test_it_is_the_sum_of_the_losses_of_augmented_images() -> None:
    pixels, detection, statistics = torch.rand(2, 3, 8, 8, requires_grad=True), Detection(2.0), BatchNormStatistics(0.5)
    detector, brighter = TinyDetector(), Brightness()
    loss = ImageLoss(detector, [brighter], Objective({"a": detection, "b": statistics}, ConstantWeights()))
    loss.begin(Stage(8, 1, sign_descent, loss_factors={"b": 4.0}))
    step = tiny_step(pixels, detector=detector)
    found = loss(pixels, step.targets, 0.0, torch.Generator().manual_seed(3))
    images, _ = brighter(pixels, step.targets, torch.Generator().manual_seed(3))
    expected = tiny_step(images, step.targets, detector, pixels=pixels)
    torch.testing.assert_close(found, 2 * detection(expected) + 0.5 * 4 * statistics(expected))
    found.backward()
    assert pixels.grad is not None and pixels.grad.abs().sum() > 0
