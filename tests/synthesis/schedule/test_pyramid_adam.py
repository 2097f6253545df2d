import copy

import pytest
import torch
from torch import Tensor, nn

from diode_pl.synthesis.schedule.pyramid_adam import PyramidAdam


def descend(make, steps: int = 6, side: int = 9) -> Tensor:
    """A few steps on images whose gradients differ from pixel to pixel and step to step."""
    images = nn.Parameter(torch.linspace(0, 1, 2 * 3 * side * side).view(2, 3, side, side))
    optimizer = make([images])
    pull = torch.randn(steps, 2, 3, side, side, generator=torch.Generator().manual_seed(0))
    for step in range(steps):
        optimizer.zero_grad()
        (pull[step] * images.square()).sum().backward()
        optimizer.step()
    return images.detach()


@pytest.mark.parametrize("betas", [(0.5, 0.9), (0.9, 0.999), (0.0, 0.0)])
def test_with_pixels_alone_it_is_adam(betas: tuple[float, float]) -> None:
    adam = descend(lambda p: torch.optim.Adam(p, lr=0.05, betas=betas))
    pyramid = descend(lambda p: PyramidAdam(p, lr=0.05, betas=betas, scales=(1,), weights=(1.0,)))
    torch.testing.assert_close(pyramid, adam, rtol=1e-5, atol=1e-6)


def test_a_scale_as_large_as_the_image_moves_it_as_one() -> None:
    moved = descend(lambda p: PyramidAdam(p, scales=(8,), weights=(1.0,)), steps=1, side=8)
    change = moved - torch.linspace(0, 1, moved.numel()).view_as(moved)
    torch.testing.assert_close(change.std(dim=(2, 3)), torch.zeros(2, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(change.abs().mean(), torch.tensor(0.05), atol=1e-4, rtol=0)


def test_scales_add_up_with_their_weights() -> None:
    def change(scales: tuple[int, ...], weights: tuple[float, ...]) -> Tensor:
        moved = descend(lambda p: PyramidAdam(p, scales=scales, weights=weights), steps=1, side=8)
        return moved - torch.linspace(0, 1, moved.numel()).view_as(moved)

    both = 0.25 * change((1,), (1.0,)) + 0.75 * change((4,), (1.0,))
    torch.testing.assert_close(change((1, 4), (0.25, 0.75)), both, atol=1e-6, rtol=1e-5)


def test_sides_need_not_be_multiples_of_the_cells() -> None:
    assert descend(lambda p: PyramidAdam(p), steps=3, side=9).isfinite().all()


def test_a_lasting_state_can_be_saved_and_loaded() -> None:
    images = nn.Parameter(torch.rand(1, 3, 8, 8))
    optimizer = PyramidAdam([images])
    images.square().sum().backward()
    optimizer.step()
    other_images = nn.Parameter(images.detach().clone())
    other = PyramidAdam([other_images])
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for parameter, by in ((images, optimizer), (other_images, other)):
        parameter.grad = torch.ones_like(parameter)
        by.step()
    assert torch.equal(images, other_images)


def test_without_a_gradient_images_stay() -> None:
    images = nn.Parameter(torch.ones(1, 3, 8, 8))
    PyramidAdam([images]).step()
    assert (images == 1).all()


def test_closure_is_evaluated_with_gradients() -> None:
    images = nn.Parameter(torch.ones(1, 1, 1, 1))
    optimizer = PyramidAdam([images], lr=0.5, scales=(1,), weights=(1.0,))

    def closure() -> Tensor:
        loss = images.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert images.item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"lr": 0.0},
        {"eps": 0.0},
        {"betas": (0.9, 1.0)},
        {"scales": (1, 2), "weights": (1.0,)},
        {"scales": (0,), "weights": (1.0,)},
        {"scales": (), "weights": ()},
    ],
    ids=str,
)
def test_bad_arguments_raise(arguments: dict) -> None:
    with pytest.raises(ValueError, match="^(lr, eps and betas must be|scales and weights: )"):
        PyramidAdam([nn.Parameter(torch.ones(1, 3, 8, 8))], **arguments)
