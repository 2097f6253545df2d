import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diode_pl.distillation.losses.fkd import parts as module
from diode_pl.distillation.losses.fkd.parts import (
    Level,
    MapAdapter,
    Method,
    attention_mask,
    box_mask,
    channel_attention,
    norm,
    resize_like,
    spatial_attention,
)
from diode_pl.targets import Targets
from tests.distillation.losses.fkd.maps import maps


def test_factors_of_the_parts_that_are_computed() -> None:
    assert Method(alpha=1.0, beta=0.0, gamma=3.0).factors == {
        "attention_transfer_channel": 1.0,
        "attention_transfer_spatial": 1.0,
        "non_local": 3.0,
    }
    assert Method(alpha=0.0, beta=2.0, gamma=0.0).factors == {"attention_masked": 2.0}


@pytest.mark.parametrize("key", ["alpha", "beta", "gamma", "temperature"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_numbers_out_of_range(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"FKD: {key} must be finite and .*, got {value}"):
        Method(**{key: value})


def test_zeros() -> None:
    with pytest.raises(ValueError, match="temperature must be finite and > 0, got 0"):
        Method(temperature=0.0)
    with pytest.raises(ValueError, match="alpha, beta and gamma must not all be 0"):
        Method(alpha=0.0, beta=0.0, gamma=0.0)


@pytest.mark.parametrize("key", ["masks", "attention", "channel_mask", "non_local", "reduction"])
def test_unknown_choices_are_told_the_known_ones(key: str) -> None:
    with pytest.raises(ValueError, match=f"FKD: {key} must be one of .*{getattr(Method(), key)}.*'x'"):
        Method(**{key: "x"})


def test_values() -> None:
    differences = torch.tensor([[[3.0, 0.0]], [[0.0, -4.0]]])
    assert norm(differences) == 5
    assert norm(differences, "per_image") == 3.5


def test_duplicating_the_batch() -> None:
    (once,) = maps((3, 2, 4))
    twice = torch.cat([once, once])
    torch.testing.assert_close(norm(twice), math.sqrt(2) * norm(once))
    torch.testing.assert_close(norm(twice, "per_image"), norm(once, "per_image"))


@pytest.mark.parametrize("reduction", ["batch", "per_image"])
def test_gradient_is_right_and_zero_at_zero(reduction: str) -> None:
    differences = maps((2, 3, 2), dtype=torch.float64)[0].requires_grad_()
    assert torch.autograd.gradcheck(lambda d: norm(d, reduction), differences)
    zero = torch.zeros(2, 3, requires_grad=True)
    value = norm(zero, reduction)
    value.backward()
    assert value == 0 and zero.grad is not None and not zero.grad.any()
    # One image without a difference beside others.
    mixed = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    norm(mixed, reduction).backward()
    assert mixed.grad is not None and bool(mixed.grad.isfinite().all()) and not mixed.grad[0].any()


@pytest.mark.parametrize("form", ["paper_code", "paper"])
@pytest.mark.parametrize("temperature", [1e-3, 0.5, 1e9])
def test_masks_average_one_and_hold_no_gradient(form: str, temperature: float) -> None:
    student, teacher = maps((2, 3, 4, 5), (2, 3, 4, 5))
    student.requires_grad_()
    for attention in (spatial_attention, channel_attention):
        mask = attention_mask(attention(student), attention(teacher), temperature, form)
        assert mask.shape == attention(teacher).shape and not mask.requires_grad
        torch.testing.assert_close(mask.flatten(1).mean(dim=1), torch.ones(2))
        if temperature == 1e9:
            torch.testing.assert_close(mask, torch.ones_like(mask))


@pytest.mark.parametrize("form", ["paper_code", "paper"])
def test_a_mask_is_large_where_the_map_is(form: str) -> None:
    looked = torch.tensor([[[0.0, 3.0], [0.0, 0.0]]])
    blank = torch.zeros(1, 2, 2)
    sharp, soft = (attention_mask(looked, blank, t, form) for t in (0.5, 5.0))
    assert sharp.flatten().argmax() == soft.flatten().argmax() == 1
    assert sharp[0, 0, 1] > soft[0, 0, 1] > 1
    assert torch.equal(attention_mask(None, blank, 0.5, form), torch.ones_like(blank))


def test_signed_means_cancel_where_absolute_ones_do_not() -> None:
    features = torch.tensor([[[[1.0, -1.0]], [[-1.0, 1.0]]]])
    assert not spatial_attention(features, absolute=False).any() and not channel_attention(features, False).any()
    assert (spatial_attention(features) == 1).all() and (channel_attention(features) == 1).all()


def test_cells_that_a_box_reaches_into() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75], [0.6, 0.9, 0.61, 0.91], [0.0, 0.0, 1.0, 1.0]])
    valid = torch.tensor([True, True, True, False])
    targets = Targets(boxes, torch.zeros(4, dtype=torch.long), torch.tensor([0, 0, 2, 1]), 3, valid)
    expected = torch.tensor(
        [
            [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]],
        ]
    )
    assert torch.equal(box_mask(targets, 4, 4), expected.float())


def test_a_grid_that_is_no_square_and_no_boxes_at_all() -> None:
    box = Targets(torch.tensor([[0.0, 0.5, 0.3, 1.0]]), torch.tensor([0]), torch.tensor([0]), 1)
    assert torch.equal(box_mask(box, 2, 3), torch.tensor([[[0.0, 0, 0], [1, 0, 0]]]))
    none = Targets.from_images([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))] * 2)
    assert torch.equal(box_mask(none, 2, 3), torch.zeros(2, 2, 3))


def test_maps_of_the_same_size_stay_as_they_are() -> None:
    (x,) = maps((2, 3, 4, 5))
    assert resize_like(x, torch.zeros(4, 5)) is x


@pytest.mark.parametrize("size", [(8, 10), (2, 3)])
def test_others_are_interpolated_between_cell_centers(size: tuple[int, int]) -> None:
    ramp = torch.linspace(0, 1, 101)[None, None, None].expand(1, 1, 4, 101)
    x, (h, w) = F.avg_pool2d(ramp, (1, 10), (1, 10)), size
    found = resize_like(x, torch.zeros(7, h, w))
    assert found.shape == (1, 1, h, w)
    centers = (torch.arange(w) + 0.5) / w
    inside = (centers > 0.05) & (centers < 0.95)
    torch.testing.assert_close(found[0, 0, 0][inside], 0.1 * (centers * 10 - 0.05)[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [1, 3])
def test_channels_and_size_become_the_teachers(side: int) -> None:
    adapter, (x, teacher) = MapAdapter(3, 5, side), maps((2, 3, 4, 4), (2, 5, 8, 6))
    assert adapter(x).shape == (2, 5, 4, 4)
    found = adapter.adapt(x, teacher)
    torch.testing.assert_close(found, F.interpolate(adapter(x), (8, 6), mode="bilinear"))


ALL = {"attention_masked", "attention_transfer_channel", "attention_transfer_spatial", "non_local"}


def level(own: tuple[int, ...] = (3, 4, 4), other: tuple[int, ...] = (5, 4, 4), **changes: object) -> Level:
    return Level(Method(temperature=0.5, **changes), own, other, finest=True)


@pytest.mark.parametrize("reduction", ["batch", "per_image"])
@pytest.mark.parametrize("form", ["paper_code", "paper"])
def test_gradient_is_right_with_masks_held_fixed(reduction: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Numerical differences would move the masks, which the loss takes as constants.
    made = list[Tensor]()

    def remembered(*given: object) -> Tensor:
        made.append(computed(*given))
        return made[(len(made) - 1) % 2]

    computed = module.attention_mask
    monkeypatch.setattr(module, "attention_mask", remembered)
    student, teacher = maps((2, 3, 3, 2), (2, 5, 4, 3), dtype=torch.float64)
    compared = level((3, 3, 2), (5, 4, 3), reduction=reduction, masks=form).double()
    for block in (compared.student_relations, compared.teacher_relations):
        torch.nn.init.normal_(block.norm.weight)

    def term(student: Tensor) -> Tensor:
        return torch.stack([*compared(student, teacher).values()]).sum()

    assert torch.autograd.gradcheck(term, student.requires_grad_())
    assert not any(mask.requires_grad for mask in made[:2]) and len(made) > 2


def test_only_layers_that_are_needed_are_built() -> None:
    student, teacher = maps((2, 3, 4, 4), (2, 5, 4, 4))
    layers = {"alpha": {"channels", "places"}, "beta": {"features"}}
    layers |= {"gamma": {"relations", "student_relations", "teacher_relations"}}
    for key in layers:
        built = level(**{other: 0.0 for other in layers if other != key})
        assert {name for name, _ in built.named_children()} == layers[key]
        sum(built(student, teacher).values()).backward()
        assert all(parameter.grad is not None for parameter in built.parameters())
    assert set(level()(student, teacher)) == ALL


@pytest.mark.parametrize("channels", [3, 5])
def test_maps_of_unlike_size_meet_in_the_teachers(channels: int) -> None:
    student, teacher = maps((2, channels, 4, 6), (2, 5, 8, 3))
    compared = level((channels, 4, 6), (5, 8, 3))
    parts = compared(student, teacher)
    assert all(part.isfinite() and part > 0 for part in parts.values())
    even = level((channels, 8, 3), (5, 8, 3))
    even.load_state_dict(compared.state_dict())
    stretched = torch.nn.functional.interpolate(student, (8, 3), mode="bilinear")
    torch.testing.assert_close(even(stretched, teacher)["non_local"], parts["non_local"])


def test_widths_of_the_non_local_blocks() -> None:
    finest, other = (Level(Method(), (64, 52, 52), (256, 52, 26), finest) for finest in (True, False))
    assert [b.g.out_channels for b in (finest.student_relations, finest.teacher_relations)] == [16, 64]
    assert [b.g.out_channels for b in (other.student_relations, other.teacher_relations)] == [32, 128]
    assert [b.pool for b in (finest.student_relations, finest.teacher_relations)] == [4, 3]


def test_only_cells_inside_boxes_count_in_the_masked_part() -> None:
    student, teacher = maps((2, 3, 4, 4), (2, 5, 4, 4))
    compared, boxes = level(), torch.zeros(2, 4, 4)
    free, none = compared(student, teacher), compared(student, teacher, boxes)
    everywhere = compared(student, teacher, boxes + 1)
    for name in ALL:
        assert torch.equal(everywhere[name], free[name])
    assert none["attention_masked"] == 0
    boxes[:, :2] = 1
    part = compared(student, teacher, boxes)
    assert 0 < part["attention_masked"] < free["attention_masked"]
    assert all(torch.equal(part[name], free[name]) for name in ALL - {"attention_masked"})
