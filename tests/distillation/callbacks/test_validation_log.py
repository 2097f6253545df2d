"""Validations on dashboards, and every number of a training."""

import pytest
import torch

from diode_pl.distillation.callbacks import ValidationLog
from diode_pl.distillation.jobs import distill
from diode_pl.training.trainer import build_training_trainer
from tests.dashboard_listener import Listener
from tests.training_run import NAMES, VALIDATION, parts, shapes


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    """A training of two epochs."""
    board, callback = Listener(), ValidationLog(images=3, confidence=0.0)
    module, _, _ = parts()
    trainer = build_training_trainer({"log": callback}, {"board": board}, 2, accelerator="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
        patch.setattr("diode_pl.distillation.report.SHOWN", 2)
        distill(module, trainer, tmp_path_factory.mktemp("run"), {"seed": 3})
    return board


def test_the_same_images_are_shown_with_all_boxes(board: Listener) -> None:
    shown = board.heard("log_pictures")
    assert [step for *_, step in shown] == [3, 6] and {call[0] for call in shown} == {"predictions"}
    for _, pictures, names, _ in shown:
        assert [each.caption for each in pictures] == ["0000", "0001", "0002"] and names == NAMES
        for i, each in enumerate(pictures):
            example = shapes("val", VALIDATION)[i]
            assert list(each.layers) == ["truth", "teacher", "student"]
            assert each.layers["truth"].labels.tolist() == example.labels.tolist()
            assert torch.allclose(each.image, example.image.float() / 255, atol=1e-6)
        assert any(len(each.layers["teacher"].labels) for each in pictures)


def test_the_teacher_is_a_line_beside_the_student(board: Listener) -> None:
    charts = [call for call in board.heard("log_chart") if call[0] == "AP50"]
    lines = charts[-1][1]
    assert [len(points) for points in lines.values()] == [2, 2] and list(lines) == ["val/AP50", "teacher/AP50"]
    logged = {name: [v[name] for v, _ in board.heard("log_metrics") if name in v] for name in lines}
    assert {name: [y for _, y in points] for name, points in lines.items()} == logged
    assert len(set(logged["teacher/AP50"])) == 1 and logged["teacher/AP50"][0] > 0


def test_each_class_is_a_row(board: Listener) -> None:
    name, columns, rows, step = board.heard("log_table")[-1]
    assert (name, step) == ("per_class", 6) and columns[:3] == ["class", "AP50", "AP"]
    assert [row[0] for row in rows] == list(NAMES) and all(len(row) == len(columns) for row in rows)


def test_every_number_is_logged_once_a_step(board: Listener) -> None:
    seen = [(name, step) for values, step in board.heard("log_metrics") for name in values if name != "epoch"]
    assert len(seen) == len(set(seen))
    assert [step for name, step in seen if name == "loss/total"] == list(range(6))
    assert [step for name, step in seen if name == "val/AP50"] == [3, 6]


def test_the_run_begins_and_ends_with_its_card(board: Listener) -> None:
    ((card,),) = board.heard("begin")
    assert card.job == "train" and card.configuration["seed"] == 3 and board.calls[-1] == ("end", (True,))
    ((values,),) = board.heard("summarize")
    best = max(v["val/AP50"] for v, _ in board.heard("log_metrics") if "val/AP50" in v)
    assert values["AP50"] == best == values["val/AP50"]
    assert [each.kind for (each,) in board.heard("log_artifact")] == ["model"]


@pytest.mark.parametrize("option", [{"images": -1}, {"confidence": 2.0}])
def test_numbers_out_of_range_are_refused(option: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(option))} must be "):
        ValidationLog(**option)
