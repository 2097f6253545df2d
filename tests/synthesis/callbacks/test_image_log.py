"""Images on dashboards."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger

from diode_pl.synthesis.callbacks import ImageLog, Verifier
from diode_pl.synthesis.schedule import Stage
from tests.dashboard_listener import Listener
from tests.synthesis.synthesis_run import fit, inversion, sign_descent
from tests.tiny_network import tiny_network

STAGES = [Stage(32, 5, sign_descent), Stage(64, 3, sign_descent)]


def show(folder: Path, **options: Any) -> tuple[Listener, Any]:
    board, module = Listener(), inversion(folder, STAGES, num_images=4)
    verifier = Verifier(tiny_network(folder / "verifier", seed=3))
    return board, fit(module, verifier, ImageLog(**options), loggers=[board])


def test_finished_images_have_targets_teacher_and_verifier(tmp_path: Path) -> None:
    board, record = show(tmp_path, limit=1, progress=0, confidence=0.0)
    shown = [call for call in board.heard("log_pictures") if call[0] == "images"]
    assert [(step, [each.caption for each in pictures]) for _, pictures, _, step in shown] == [
        (8, ["00000000"]),
        (16, ["00000002"]),
    ]
    (picture,), names = shown[0][1:3]
    assert list(picture.layers) == ["targets", "teacher", "verifier"] and names == ("cat", "dog")
    assert torch.equal(picture.image, record.ends[1][0])
    assert picture.layers["targets"].labels.tolist() == record.targets[1].per_image()[0][1].tolist()
    assert len(picture.layers["teacher"].labels) and len(picture.layers["verifier"].labels)


def test_the_same_images_are_followed_from_the_first_iteration_on(tmp_path: Path) -> None:
    board, record = show(tmp_path, progress=1, every=2)
    shown = [call for call in board.heard("log_pictures") if call[0] == "progress"]
    assert [step for *_, step in shown] == [1, 2, 4, 5, 6, 7, 8]  # of the first batch alone
    assert {each.caption for _, pictures, *_ in shown for each in pictures} == {"00000000"}
    assert [pictures[0].image.shape[-1] for _, pictures, *_ in shown] == [32, 32, 32, 32, 64, 64, 64]
    assert torch.equal(shown[3][1][0].image, record.ends[0][0])


def test_the_images_do_not_depend_on_being_looked_at(tmp_path: Path) -> None:
    looked = show(tmp_path / "a", every=1)[1]
    alone = fit(inversion(tmp_path / "b", STAGES, num_images=4))
    assert all(map(torch.equal, looked.ends, alone.ends))


def test_without_a_dashboard_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diode_pl.synthesis.callbacks.image_log.to_pictures", None)  # a call would fail
    fit(inversion(tmp_path, STAGES), ImageLog(every=1), loggers=[CSVLogger(tmp_path)])


@pytest.mark.parametrize("option", [{"limit": 0}, {"progress": -1}, {"every": 0}, {"confidence": 1.5}])
def test_numbers_out_of_range_are_refused(option: dict[str, Any]) -> None:
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"{name}.*got.*{value}"):
        ImageLog(**option)
