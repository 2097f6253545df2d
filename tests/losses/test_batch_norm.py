import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from diode_pl.detector import Moments
from diode_pl.images import read_folder, to_pillow
from diode_pl.losses import BatchNorm
from diode_pl.losses.batch_norm import batch_norm_distance
from tests.tiny import TinyDetector, tiny_step

FORMS = ("published", "standardised")
forms = pytest.mark.parametrize("form", FORMS)


def random_moments(
    seed: int, channels: tuple[int, ...] = (3, 5, 2), dtype: torch.dtype = torch.float32
) -> list[Moments]:
    draw = torch.Generator().manual_seed(seed)
    return [
        Moments(torch.randn(c, generator=draw, dtype=dtype), torch.rand(c, generator=draw, dtype=dtype) + 0.1)
        for c in channels
    ]


def slow_distance(batch: list[Moments], reference: list[Moments], form: str, norm: float) -> float:
    """One channel at a time."""
    total = 0.0
    for (mean, var), (mean_ref, var_ref) in zip(batch, reference, strict=True):
        m, v, mr, vr = (t.tolist() for t in (mean, var, mean_ref, var_ref))
        if form == "published":
            for a, b in ((m, mr), (v, vr)):
                total += sum(abs(p - q) ** norm for p, q in zip(a, b, strict=True)) ** (1 / norm)
        else:
            means = [abs(p - q) / math.sqrt(r + 1e-5) for p, q, r in zip(m, mr, vr, strict=True)]
            logs = [abs(math.log((p + 1e-5) / (r + 1e-5))) for p, r in zip(v, vr, strict=True)]
            total += (sum(means) + sum(logs)) / len(m)
    return total


@pytest.mark.parametrize(
    ("form", "norm"), [("published", 1.0), ("published", 2.0), ("published", 3.0), (FORMS[1], 2.0)]
)
def test_value_is_that_of_one_channel_at_a_time(form: str, norm: float) -> None:
    batch, reference = random_moments(0), random_moments(1)
    distance = batch_norm_distance(batch, reference, form, norm)
    assert distance.item() == pytest.approx(slow_distance(batch, reference, form, norm), rel=1e-5)


@forms
def test_like_statistics_are_at_no_distance(form: str) -> None:
    batch = [Moments(m.mean.requires_grad_(), m.var.requires_grad_()) for m in random_moments(0)]
    distance = batch_norm_distance(batch, random_moments(0), form)
    distance.backward()
    assert distance == 0
    assert all(t.grad.isfinite().all() for moments in batch for t in moments)


@pytest.mark.parametrize(
    ("form", "norm"), [("published", 1.0), ("published", 2.0), ("published", 3.0), (FORMS[1], 2.0)]
)
def test_gradient_is_right(form: str, norm: float) -> None:
    reference = random_moments(1, dtype=torch.float64)
    flat = [t.requires_grad_() for moments in random_moments(0, dtype=torch.float64) for t in moments]

    def distance(*flat: Tensor) -> Tensor:
        batch = [Moments(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
        return batch_norm_distance(batch, reference, form, norm)

    assert torch.autograd.gradcheck(distance, flat)


@forms
@pytest.mark.parametrize("var", [0.0, 1e-45, 1e-20, 1.0])
def test_tiny_running_variances_give_finite_numbers(form: str, var: float) -> None:
    mean, spread = torch.tensor([0.0, 1e-20, 1.0], requires_grad=True), torch.full((3,), var, requires_grad=True)
    reference = Moments(torch.zeros(3), torch.tensor([1e-45, 0.0, 1e-30]))
    distance = batch_norm_distance([Moments(mean, spread)], [reference], form)
    distance.backward()
    assert distance.isfinite() and mean.grad.isfinite().all() and spread.grad.isfinite().all()
    assert distance < 1e3


def test_standardised_form_has_no_units() -> None:
    def scaled(moments: list[Moments], by: float) -> list[Moments]:
        return [Moments(m.mean * by, m.var * by**2) for m in moments]

    batch, reference = random_moments(0), random_moments(1)
    plain = batch_norm_distance(batch, reference, "standardised")
    tenfold = batch_norm_distance(scaled(batch, 10), scaled(reference, 10), "standardised")
    assert tenfold.item() == pytest.approx(plain.item(), rel=1e-3)


def test_layers_without_a_partner_raise() -> None:
    with pytest.raises(ValueError, match="2 layers and references of 3"):
        batch_norm_distance(random_moments(0)[:2], random_moments(0))
    with pytest.raises(ValueError, match="0 layers"):
        batch_norm_distance([], [])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "arguments",
    [
        {"form": "other"},
        {"norm": 0.5},
        {"norm": math.inf},
        {"norm": math.nan},
        {"layers": "head"},
        {"layers": 0},
        {"layers": 1.5},
        {"min_layers": 0},
    ],
    ids=str,
)
def test_bad_arguments_raise(arguments: dict) -> None:
    with pytest.raises(ValueError, match="batch norm"):
        BatchNorm(**arguments)


@pytest.mark.parametrize(("layers", "expected"), [("all", 3), ("backbone", 2), (1, 1), (2, 2), (99, 3)])
def test_layer_subset(layers: str | int, expected: int) -> None:
    loss, step = BatchNorm(layers=layers), tiny_step(torch.rand(2, 3, 8, 8))
    assert loss.norm_layers_needed(step.detector) == expected
    statistics = step.statistics
    assert loss(step) == batch_norm_distance(statistics.batch[:expected], statistics.running[:expected])


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 3), (0.5, 2), (0.999, 1)])
def test_number_of_layers_falls_by_a_cosine(progress: float, expected: int) -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), progress=progress)
    statistics = step.statistics
    falling = BatchNorm(layers="all", min_layers=1)(step)
    assert falling == batch_norm_distance(statistics.batch[:expected], statistics.running[:expected])


def test_number_of_layers_never_rises_above_those_in_use() -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), progress=0.5)
    assert BatchNorm(layers=2, min_layers=99)(step) == BatchNorm(layers=2)(step)


def test_form_and_norm_reach_the_distance() -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8))
    batch, running = step.statistics.batch, step.statistics.running
    assert BatchNorm(form="standardised", layers="all")(step) == batch_norm_distance(batch, running, "standardised")
    assert BatchNorm(norm=1.0, layers="all")(step) == batch_norm_distance(batch, running, norm=1.0)


def test_a_detector_without_norm_layers_costs_nothing() -> None:
    loss, step = BatchNorm(), tiny_step(torch.rand(2, 3, 8, 8), detector=TinyDetector(norm=False))
    assert loss.norm_layers_needed(step.detector) == 0 and loss(step) == 0


@pytest.fixture
def references(tmp_path: Path) -> Path:
    for i in range(3):
        to_pillow(torch.rand(3, 16, 16)).save(tmp_path / f"{i}.png")
    return tmp_path


def test_reference_images_replace_running_statistics(references: Path) -> None:
    loss = BatchNorm(layers="all", reference=references)
    loss.prepare(TinyDetector(), resolution=8)
    assert loss(tiny_step(read_folder(references, 8))) < 1e-5
    assert BatchNorm(layers="all")(tiny_step(read_folder(references, 8))) > 0.1
    assert loss.data_access == "real images"


def test_reference_statistics_belong_to_a_resolution(references: Path) -> None:
    loss = BatchNorm(layers="all", reference=references)
    for resolution in (8, 16):
        loss.prepare(TinyDetector(), resolution)
        assert loss(tiny_step(read_folder(references, resolution))) < 1e-5
    assert loss(tiny_step(read_folder(references, 8))) > 1e-2


def test_preparing_leaves_the_detector_as_it_was(references: Path) -> None:
    detector = TinyDetector()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    BatchNorm(reference=references).prepare(detector, 8)
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
