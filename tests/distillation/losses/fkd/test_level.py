import pytest
import torch
from torch import Tensor

from diode_pl.distillation.losses.fkd import level as module
from diode_pl.distillation.losses.fkd.level import Level
from diode_pl.distillation.losses.fkd.method import method
from tests.distillation.losses.fkd.maps import maps

ALL = {"attention_masked", "attention_transfer_channel", "attention_transfer_spatial", "non_local"}


def level(own: tuple[int, ...] = (3, 4, 4), other: tuple[int, ...] = (5, 4, 4), **changes: object) -> Level:
    return Level(method("code_one_stage", temperature=0.5, **changes), own, other, finest=True)


@pytest.mark.parametrize("reduction", ["batch", "per_image"])
@pytest.mark.parametrize("form", ["code", "paper"])
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
    finest, other = (Level(method("code_one_stage"), (64, 52, 52), (256, 52, 26), finest) for finest in (True, False))
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
