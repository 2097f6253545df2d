"""What a synthesis refuses before it starts, and what it says when it breaks; runs are in ``test_entry_points.py``."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.data.synthetic import FinishedBatch, Plan, SyntheticSet
from diode_pl.provenance import GIVEN_WEIGHTS, Provenance
from diode_pl.synthesis.job import _say_what_is_kept, synthesize
from diode_pl.targets import Targets
from tests.tiny import TinyDetector


def test_a_teacher_with_random_weights_is_refused(tmp_path: Path, unchecked: None) -> None:
    class Given:
        teacher = TinyDetector()

    with pytest.raises(ValueError, match=r"^teacher: .*\(TinyDetector\) with random weights"):
        synthesize(Given(), pl.Trainer(accelerator="cpu", logger=False), tmp_path / "set", {})  # type: ignore[arg-type]
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("finished", "names", "more"),
    [
        (0, ("cat", "dog"), ""),
        (1, ("cat", "dog"), ""),
        (2, ("cat", "dog"), " data@val=none"),  # the embedded world, measured on by default, has neither
        (2, ("cat", "Mug"), ""),
    ],
)
def test_advice_to_go_on_is_given_where_a_batch_is_finished(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, unchecked: None, finished: int, names: tuple[str, str], more: str
) -> None:
    caplog.set_level("INFO")
    teacher = TinyDetector()
    teacher.class_names = names
    teacher.provenance = GIVEN_WEIGHTS
    given: Any = SimpleNamespace(teacher=teacher, plan=Plan(4, 2), batch_size=2, stages=[None])
    trainer: Any = SimpleNamespace(callbacks=[], loggers=[], is_global_zero=True)

    def fit(_: object) -> None:
        nothing = Targets(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2)
        for number in range(finished):
            trainer.callbacks[0].dataset.write(
                FinishedBatch(number, 2 * number, torch.rand(2, 3, 8, 8), nothing, 0, [], {}, {}, 1.0, Provenance(True))
            )
        if finished < 2:
            raise ValueError("sampler.classes: nobody knows dogs")

    trainer.fit = fit
    if finished == 2:
        synthesize(given, trainer, tmp_path / "set", {})
        command = f"next: python train.py +experiment=quick train.root={tmp_path}/set{more}"
        assert caplog.messages[-1] == f"{tmp_path}/set/contact_sheet.png shows the images; {command}"
        return
    with pytest.raises(ValueError, match="nobody knows dogs"):
        synthesize(given, trainer, tmp_path / "set", {})
    kept = f"{tmp_path}/set: stopped; 2 of 4 images are kept; the same command goes on from there"
    assert [line for line in caplog.messages if "stopped" in line] == [kept] * finished


def test_a_stop_by_the_keyboard_says_what_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = SyntheticSet(tmp_path, ["cat"], {})
    _say_what_is_kept(dataset, Plan(8, 2), failed=False)
    anew = "the same command begins anew"
    assert caplog.messages == [f"{tmp_path}: stopped before the first batch was finished; {anew}"]
    _say_what_is_kept(dataset, Plan(8, 2), failed=True)
    assert len(caplog.messages) == 1
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "000000.ckpt").touch()
    _say_what_is_kept(dataset, Plan(8, 2), failed=True)
    assert "0 of 8 images are kept, and a checkpoint in a batch; the same" in caplog.messages[-1]
    (tmp_path / "batches" / "000002.ckpt").touch()
    _say_what_is_kept(dataset, Plan(8, 2), failed=True)
    assert "and the checkpoints of 2 begun batches; the same" in caplog.messages[-1]
