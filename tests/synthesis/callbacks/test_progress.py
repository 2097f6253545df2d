"""Where the synthesis stands."""

from pathlib import Path

import pytest

from diode_pl.synthesis.callbacks import SynthesisProgress
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent


def test_one_bar_runs_over_all_batches_and_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [Stage(32, 3, sign_descent), Stage(64, 2, sign_descent)]
    fit(inversion(tmp_path, stages, num_images=4), SynthesisProgress(refresh=1))
    last = capsys.readouterr().err.rstrip().splitlines()[-1].split("\r")[-1]
    for part in ("batch 2/2, stage 2/2 at 64 px, iteration 2/2", "100%", "total=", "boxes=2"):
        assert part in last


def test_other_processes_show_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = SynthesisProgress()
    progress.disable()
    fit(inversion(tmp_path, [Stage(32, 2, sign_descent)]), progress)
    assert "batch" not in capsys.readouterr().err


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="refresh must be .*1.*, got 0"):
        SynthesisProgress(refresh=0)
