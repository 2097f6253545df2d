import pytest
import torch
from torch import Tensor

from diode_pl.distillation.losses.fkd.non_local import KINDS, NonLocal, pool_size
from tests.distillation.losses.fkd.maps import maps

kinds = pytest.mark.parametrize("kind", KINDS)


def awake(kind: str, pool: int = 2) -> NonLocal:
    """A block whose batch norm lets something through."""
    block = NonLocal(3, 2, pool, kind).double()
    torch.nn.init.normal_(block.norm.weight)
    torch.nn.init.normal_(block.norm.bias)
    return block


def oracle(block: NonLocal, x: Tensor) -> Tensor:
    """The same, place by place and key by key."""

    def line(layer: torch.nn.Conv2d, v: Tensor) -> Tensor:
        return layer.weight[:, :, 0, 0] @ v + layer.bias

    def windows(of: Tensor) -> list[Tensor]:
        """Largest number of each channel in each window, whose rest at the border is dropped."""
        p, (_, h, w) = block.pool, of.shape
        return [
            of[:, i * p : i * p + p, j * p : j * p + p].amax(dim=(1, 2)) for i in range(h // p) for j in range(w // p)
        ]

    def everywhere(layer: torch.nn.Conv2d, image: Tensor) -> Tensor:
        return torch.einsum("oc,chw->ohw", layer.weight[:, :, 0, 0], image) + layer.bias[:, None, None]

    said = torch.zeros_like(x)
    for n, image in enumerate(x):
        values = windows(everywhere(block.g, image))
        keys = windows(image if block.kind == "gaussian" else everywhere(block.phi, image))
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                query = image[:, i, j] if block.kind == "gaussian" else line(block.theta, image[:, i, j])
                if block.kind == "concatenation":
                    weights = [(block.joint.flatten() @ torch.cat([query, k])).clamp(min=0) / len(keys) for k in keys]
                elif block.kind == "dot_product":
                    weights = [query @ k / len(keys) for k in keys]
                else:
                    raised = [(query @ k).exp() for k in keys]
                    weights = [r / sum(raised) for r in raised]
                y = sum(w * v for w, v in zip(weights, values, strict=True))
                said[n, :, i, j] = line(block.out, y)
    mean, var = said.mean(dim=(0, 2, 3)), said.var(dim=(0, 2, 3), correction=0)
    normed = (said - mean[:, None, None]) / (var[:, None, None] + block.norm.eps).sqrt()
    return x + block.norm.weight[:, None, None] * normed + block.norm.bias[:, None, None]


@kinds
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 3, 2, 7)])
def test_value_in_training(kind: str, shape: tuple[int, ...]) -> None:
    block, (x,) = awake(kind), maps(shape, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(block(x), oracle(block, x))


@kinds
def test_starts_as_the_identity_and_learns(kind: str) -> None:
    block, (x,) = NonLocal(3, 2, 2, kind), maps((2, 3, 4, 4))
    assert torch.equal(block(x), x)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.1)
    before = {name: parameter.clone() for name, parameter in block.named_parameters()}
    for _ in range(2):  # behind a scale of 0 nothing learns in the first step
        optimizer.zero_grad()
        (block(x) - 2 * x.roll(1, 0)).square().sum().backward()
        assert all(parameter.grad is not None for parameter in block.parameters())
        optimizer.step()
    still = {name for name, parameter in block.named_parameters() if torch.equal(parameter, before[name])}
    # Batch norm subtracts what a bias adds before it.
    assert still <= {"out.bias", "g.bias", "phi.bias", "theta.bias"}


@kinds
def test_gradient_is_right(kind: str) -> None:
    block, (x,) = awake(kind), maps((2, 3, 2, 3), dtype=torch.float64)
    assert torch.autograd.gradcheck(block, x.requires_grad_())


def test_maps_smaller_than_a_window_are_not_pooled() -> None:
    block, (x,) = awake("dot_product", pool=4), maps((2, 3, 3, 6), dtype=torch.float64)
    unpooled = awake("dot_product", pool=1)
    unpooled.load_state_dict(block.state_dict())
    torch.testing.assert_close(block(x), unpooled(x))


@pytest.mark.parametrize(("side", "pool"), [(52, 4), (26, 2), (13, 1), (16, 1), (17, 2), (40, 3), (1, 1)])
def test_pooling_leaves_few_keys(side: int, pool: int) -> None:
    assert pool_size(side, side) == pool
    assert (side // pool) ** 2 <= 256


@kinds
def test_one_place_of_one_image_leaves_the_statistics_alone(kind: str) -> None:
    block = awake(kind)
    block.norm.running_mean.fill_(0.5)
    (one,) = maps((1, 3, 1, 1), dtype=torch.float64)
    found = block.train()(one.requires_grad_())
    assert bool((block.norm.running_mean == 0.5).all()) and block.norm.num_batches_tracked == 0
    found.sum().backward()
    assert block.out.weight.grad is not None and bool(block.out.weight.grad.any())
    torch.testing.assert_close(found, block.eval()(one))
    (two,) = maps((2, 3, 1, 1), dtype=torch.float64)
    block.train()(two)
    assert block.norm.num_batches_tracked == 1
