from types import SimpleNamespace
from typing import Any

import pytest
import torch

from diode_pl.training.precision import record_precision, resolve_precision


@pytest.mark.parametrize(
    ("capability", "precision", "warned"),
    [
        ("AVX2", "bf16-mixed", True),
        ("AVX2", "32-true", False),
        ("AVX512", "bf16-mixed", False),
    ],
)
def test_warns_where_bfloat16_is_slow(
    capability: str, precision: str, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert resolve_precision(precision, "cpu") == precision
    assert ("trainer.precision=32-true is faster here" in caplog.text) == warned


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, "bf16-mixed"),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, "bf16-mixed"),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, "32-true"),
        ({"avx512_f": True, "amx_bf16": True}, "bf16-mixed"),
        ({"avx512_f": True, "avx512_bf16": False}, "32-true"),
        ({}, "32-true"),
        (None, "32-true"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_is_faster_in_it_and_says_so(
    capabilities: dict[str, bool | str] | None,
    chosen: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert resolve_precision("auto", "cpu") == chosen
    assert ("trainer.precision=32-true" in caplog.text) == (chosen == "bf16-mixed")


@pytest.mark.usefixtures("unchecked")
def test_what_auto_became_is_recorded_and_nothing_else_changes() -> None:
    trainer: Any = SimpleNamespace(precision="bf16-mixed")
    settings = {"seed": 1, "trainer": {"precision": "auto", "devices": 2}}
    assert record_precision(settings, trainer) == {"seed": 1, "trainer": {"precision": "bf16-mixed", "devices": 2}}
    assert settings["trainer"] == {"precision": "auto", "devices": 2}
    for given in ({"trainer": {"precision": 16}}, {"trainer": {}}, {"seed": 1}):
        assert record_precision(given, trainer) == given
