"""Where the synthesis stands."""

from pathlib import Path

import pytest

from diode_pl.synthesis.callbacks import SynthesisProgress
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent

STAGES = [Stage(32, 3, sign_descent), Stage(64, 2, sign_descent)]


def shown(progress: SynthesisProgress, folder: Path, monkeypatch: pytest.MonkeyPatch, batches: range) -> list[tuple]:
    updates = list[tuple]()
    monkeypatch.setattr(progress._line, "update", lambda *given: updates.append(given))
    module = inversion(folder, STAGES, num_images=6)
    module.batches = batches
    fit(module, progress)
    return updates


def test_one_bar_runs_over_all_batches_and_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    updates = shown(SynthesisProgress(refresh=2), tmp_path, monkeypatch, range(1, 3))  # the first one was made before
    unit = 32**2
    assert [(update[0] / unit, update[1] / unit) for update in updates] == [
        (11 + 2, 33),
        (11 + 3, 33),
        (11 + 11, 33),
        (22 + 2, 33),
        (22 + 3, 33),
        (33, 33),
    ]
    assert [update[2] for update in updates[:3]] == ["batch 2/3, 32 px", "batch 2/3, 32 px", "batch 2/3, 64 px"]
    assert list(updates[-1][3])[:2] == ["total", "detection"]


def test_other_processes_show_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = SynthesisProgress(refresh=1)
    monkeypatch.setattr(progress, "setup", lambda *_, **__: progress.disable())
    assert not shown(progress, tmp_path, monkeypatch, range(1))


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="refresh must be .*1.*, got 0"):
        SynthesisProgress(refresh=0)
