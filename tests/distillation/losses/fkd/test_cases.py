"""Every value that was computed beforehand, by other means than this package's."""

from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from diode_pl.distillation.losses import FKD
from diode_pl.distillation.losses.fkd import Method
from diode_pl.distillation.losses.fkd.non_local import NonLocal
from diode_pl.distillation.losses.fkd.parts import attention_mask, channel_attention, spatial_attention
from tests.distillation.losses.fkd.maps import CASES, fkd, identity, make_batch, prepared, tensor

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}
precision = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float64", "float32"])
NAMES = {"AM": "attention_masked", "AT_channel": "attention_transfer_channel"}
NAMES |= {"AT_spatial": "attention_transfer_spatial", "NLD": "non_local"}


def same(found: Tensor, expected: object) -> None:
    tolerance = TOLERANCE[found.dtype]
    torch.testing.assert_close(found, tensor(expected, found.dtype), rtol=tolerance, atol=tolerance)


def sides(case: dict, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return tensor(case["inputs"]["student"], dtype), tensor(case["inputs"]["teacher"], dtype)


def part(loss: FKD, name: str, student: Tensor, teacher: Tensor) -> Tensor:
    """One raw part, on one level."""
    loss(make_batch([student], [teacher]))
    return loss.parts[NAMES[name]]


@precision
@pytest.mark.parametrize("form", ["paper", "paper_code"])
def test_attention_masks(dtype: torch.dtype, form: str) -> None:
    case = CASES["attention_masks_and_AM_T0.5"]
    student, teacher = sides(case, dtype)
    temperature, expected = case["inputs"]["T"], case["expected"]
    for who, features in (("student", student), ("teacher", teacher)):
        same(spatial_attention(features), expected[f"G_s_{who}"])
        same(channel_attention(features), expected[f"G_c_{who}"])
    places, channels = ([a(maps) for maps in (student, teacher)] for a in (spatial_attention, channel_attention))
    same(attention_mask(*places, temperature, form), expected[form]["M_s"])
    same(attention_mask(*channels, temperature, form), expected[form]["M_c"])


@precision
@pytest.mark.parametrize("form", ["paper", "paper_code"])
def test_attention_masked_features_and_their_gradient(dtype: torch.dtype, form: str) -> None:
    case = CASES["attention_masks_and_AM_T0.5"]
    student, teacher = sides(case, dtype)
    student.requires_grad_()
    settings = {"alpha": 0.0, "beta": 1.0, "gamma": 0.0, "masks": form, "temperature": case["inputs"]["T"]}
    for mask, name in (("none", "AM_spatial_only"), ("raw", "AM_spatial_and_channel")):
        loss = identity(prepared(fkd(channel_mask=mask, **settings), [student], [teacher]))
        term = loss(make_batch([student], [teacher]))
        same(term.detach(), case["expected"][form][name])
        same(loss.parts["attention_masked"], case["expected"][form][name])
    term.backward()
    assert student.grad is not None
    same(student.grad, case["expected"][form]["grad_student_AM_spatial_and_channel"])


@precision
@pytest.mark.parametrize(("attention", "form"), [("absolute", "paper_abs"), ("signed", "code_signed")])
def test_attention_transfer(dtype: torch.dtype, attention: str, form: str) -> None:
    case = CASES["AT_channel_and_spatial"]
    given, expected = case["inputs"], case["expected"][form]
    student, teacher = sides(case, dtype)
    loss = identity(prepared(fkd(attention=attention), [student], [teacher]))
    for which in ("channel", "spatial"):
        same(part(loss, f"AT_{which}", student, teacher), expected["identity_adapters"][which])
    level = loss.levels["stride_4"]
    with torch.no_grad():
        level.channels.weight.copy_(tensor(given["fc_weight_out_in"]))
        level.channels.bias.copy_(tensor(given["fc_bias"]))
        level.places.weight.copy_(tensor(given["conv3x3_weight"])[None, None])
        level.places.bias.fill_(given["conv3x3_bias"])
    for which in ("channel", "spatial"):
        same(part(loss, f"AT_{which}", student, teacher), expected["with_adapters"][which])


@torch.no_grad()
def fill(block: NonLocal, given: dict) -> None:
    for name in ("theta", "phi", "g", "out"):
        layer = getattr(block, name)
        layer.weight.copy_(tensor(given[f"{name}_w"])[:, :, None, None])
        layer.bias.copy_(tensor(given[f"{name}_b"]))
    block.norm.eps = given["bn"]["eps"]
    for name, key in (("running_mean",) * 2, ("running_var",) * 2, ("weight", "gamma"), ("bias", "beta")):
        getattr(block.norm, name).copy_(tensor(given["bn"][key]))


@precision
def test_non_local_relations(dtype: torch.dtype) -> None:
    case = CASES["NLD_dot_product_nonlocal"]
    given, expected = case["inputs"], case["expected"]
    student, teacher = sides(case, dtype)
    loss = identity(prepared(FKD(), [student], [teacher])).eval()
    level = loss.levels["stride_4"]
    same(part(loss, "NLD", student, teacher), expected["NLD_gamma_zero_identity_adapter"])
    with torch.no_grad():
        level.relations.weight.copy_(tensor(given["adapter_weight_out_in"])[:, :, None, None])
        level.relations.bias.copy_(tensor(given["adapter_bias"]))
    same(part(loss, "NLD", student, teacher), expected["NLD_gamma_zero_both"])
    for who, features in (("student", student), ("teacher", teacher)):
        block = NonLocal(3, 2, pool=given["stride"]).to(dtype).eval()
        fill(block, given[f"{who}_block"])
        same(block(features).detach(), expected[f"relation_{who}"])
        setattr(level, f"{who}_relations", block)
    same(part(loss, "NLD", student, teacher), expected["NLD"])


@cache
def option(preset: str) -> Method:
    """What the option of ``distill`` with these settings builds."""
    name = {"paper_code_one_stage": "fkd"}.get(preset, f"fkd_{preset}")
    with initialize_config_dir(str(Path(__file__).resolve().parents[4] / "conf"), version_base="1.3"):
        return instantiate(compose("train", [f"distill={name}"]).distill.fkd.method)


@precision
@pytest.mark.parametrize("preset", CASES["total_two_levels"]["expected"])
def test_total_of_every_preset(dtype: torch.dtype, preset: str) -> None:
    case = CASES["total_two_levels"]
    published, expected = case["inputs"]["presets"][preset], case["expected"][preset]
    student, teacher = (
        [tensor(level[who], dtype) for level in case["inputs"]["levels"]] for who in ("student", "teacher")
    )
    loss = identity(prepared(FKD(method=option(preset)), student, teacher))
    method = loss.method
    assert (method.temperature, method.masks) == (published["T"], published["form"])
    assert method.attention == ("absolute" if published["absolute"] else "signed")
    assert method.channel_mask == ("adapted" if published["use_c"] else "none")
    same(loss(make_batch(student, teacher)).detach(), expected["total"])
    assert set(loss.parts) == set(NAMES.values())
    for key, name in NAMES.items():
        same(loss.parts[name], expected["unweighted"][key])
        assert loss.method.factors[name] == pytest.approx(published["w"][key.split("_")[0].lower()], rel=1e-12)


@precision
@pytest.mark.parametrize("reduction", ["batch", "per_image"])
def test_identical_features_are_zero_with_a_finite_gradient(dtype: torch.dtype, reduction: str) -> None:
    case = CASES["identical_features_are_zero"]
    student, teacher = sides(case, dtype)
    student.requires_grad_()
    loss = fkd(temperature=case["inputs"]["T"], reduction=reduction)
    loss = identity(prepared(loss, [student], [teacher]))
    loss(make_batch([student], [teacher])).backward()
    for key, name in NAMES.items():
        same(loss.parts[name], case["expected"][key])
    grads = [student.grad, *(parameter.grad for parameter in loss.parameters())]
    assert all(grad is not None and bool(grad.isfinite().all()) for grad in grads)


@precision
def test_unlike_channels(dtype: torch.dtype) -> None:
    case = CASES["PROPOSAL_channels_differ"]
    given, expected = case["inputs"], case["expected"]
    student, teacher = sides(case, dtype)
    for mask, name in (
        ("none", "AM_spatial_only"),
        ("teacher", "AM_teacher_only_channel_mask"),
        ("adapted", "AM_adapted_mean_channel_mask"),
    ):
        loss = prepared(fkd(temperature=given["T"], channel_mask=mask), [student], [teacher])
        adapter = loss.levels["stride_4"].features
        with torch.no_grad():
            adapter.weight.copy_(tensor(given["adapter_weight_out_in"])[:, :, None, None])
            adapter.bias.copy_(tensor(given["adapter_bias"]))
        same(part(loss, "AM", student, teacher), expected[name])
    adapted = adapter(student).detach()
    same(adapted, expected["student_adapted"])
    seen, taught = channel_attention(adapted), channel_attention(teacher)
    same(
        attention_mask(spatial_attention(student), spatial_attention(teacher), given["T"], "paper_code"),
        expected["M_s"],
    )
    same(attention_mask(None, taught, given["T"], "paper_code"), expected["M_c_teacher_only"])
    same(attention_mask(seen, taught, given["T"], "paper_code"), expected["M_c_adapted_mean"])
