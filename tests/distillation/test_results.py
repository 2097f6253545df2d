"""Results of a training on dashboards."""

import json
from pathlib import Path

from diode_pl.data.readers import Synthetic, WeightedUnion
from diode_pl.distillation.results import RESULTS, show_scores, show_sets, show_student
from diode_pl.shapes import ShapesWorld
from tests.dashboard_listener import Listener

REPORT = {
    "student": {"AP50": 0.5, "AP": 0.25, "AP_small": 0.125},
    "teacher": {"AP50": 0.75},
    "exported": {"epoch": 2, "of": 3},
    "epochs": 3,
    "seconds": 9.0,
    "parameters": 7,
    "onnx_difference": 1e-7,
    "data_access": "teacher-only",
}


def synthetic(folder: Path) -> Synthetic:
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(folder.name.encode())
    (folder / "annotations.json").write_text(
        '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}'
    )
    (folder / "dataset.json").write_text('{"data_access": "teacher-only", "images": 1}')
    made = Synthetic.__new__(Synthetic)  # the images are no pictures
    made.root = folder
    return made


def test_the_best_epoch_is_the_summary_and_lineage_goes_from_set_to_onnx(tmp_path: Path) -> None:
    for name in ("student.safetensors", "student.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "metrics.json").write_text(json.dumps(REPORT))
    board = Listener()
    show_student([board], tmp_path, ("images-1",))
    ((values,),) = board.heard("summarize")
    assert values["AP50"] == values["val/AP50"] == 0.5 and values["teacher_AP50"] == 0.75
    assert values["best_epoch"] == 2 and values["val/AP_small"] == 0.125 and "AP_small" not in values
    assert {name for name in values if "/" not in name} <= {*RESULTS, "data_access"}
    (student,), (onnx,) = board.heard("log_artifact")
    assert student.made_from == ("images-1",) and onnx.made_from == (student.name,)


def test_a_student_without_an_onnx_file_is_kept_alone(tmp_path: Path) -> None:
    (tmp_path / "student.safetensors").write_bytes(b"weights")
    (tmp_path / "metrics.json").write_text(json.dumps(REPORT | {"onnx_difference": None, "student": {}, "teacher": {}}))
    board = Listener()
    show_student([board], tmp_path, ())
    assert len(board.heard("log_artifact")) == 1 and "AP50" not in board.heard("summarize")[0][0]


def test_every_synthetic_set_of_a_union_is_noted(tmp_path: Path, unchecked: None) -> None:
    union = WeightedUnion.__new__(WeightedUnion)
    union.sets = {"a": synthetic(tmp_path / "a"), "b": ShapesWorld("val", 2, 64), "c": synthetic(tmp_path / "c")}
    board = Listener()
    names = show_sets([board], union)
    assert [artifact.name for (artifact,) in board.heard("use_artifact")] == list(names)
    assert len(set(names)) == 2 and show_sets([board], union.sets["b"]) == ()
    assert show_sets([], union) == ()  # nobody reads the files


def test_an_evaluation_shows_its_scores(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({key: REPORT[key] for key in ("student", "teacher", "data_access")}))
    board = Listener()
    show_scores([board], path)
    expected = {"AP50": 0.5, "AP": 0.25, "teacher_AP50": 0.75, "data_access": "teacher-only"}
    assert board.heard("summarize") == [(expected,)]
