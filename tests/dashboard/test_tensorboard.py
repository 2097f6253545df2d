"""TensorBoard's event files, read back."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from diode_pl.dashboard import TensorBoard
from tests.dashboard.boards import show_all
from tests.event_files import hyperparameters, read_events, result_names, scalars, text


def test_everything_has_its_place(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, title="seed=3", group="runs/a", tags=["student=yolo"])
    show_all(board, tmp_path)
    events = read_events(tmp_path / "logs" / "version_0")
    assert hyperparameters(events) == {"seed": 3.0, "teacher.width": 0.5}
    assert result_names(events) == ["result/AP50", "result/best_epoch"]
    assert scalars(events, "result/AP50") == [(0, 0.25)] and scalars(events, "val/AP50") == [(1, 0.25)]
    assert "| mug | 0.5000 |" in text(events, "per_class") and "| key |  |" in text(events, "per_class")
    for said in ('"name": "seed=3"', '"group": "runs/a"', "student=yolo"):
        assert said in text(events, "run")
    assert "+verifier" in text(events, "tags") and '"data_access": "teacher-only"' in text(events, "result")
    assert '"images": 2' in text(events, "artifacts/used/images-1")
    (made,) = [tag for tag in events.Tags()["tensors"] if tag.startswith("artifacts/made/student.onnx-")]
    assert json.loads(text(events, made.removesuffix("/text_summary")).strip("`\n"))["made_from"] == ["images-1"]


def test_each_layer_is_a_picture_of_its_own(tmp_path: Path) -> None:
    show_all(TensorBoard(tmp_path), tmp_path)
    events = read_events(tmp_path / "logs" / "version_0")
    layers = [f"predictions/0000/{layer}" for layer in ("truth", "teacher", "student")]
    assert events.Tags()["images"] == layers
    pixels = [np.array(Image.open(io.BytesIO(events.Images(name)[0].encoded_image_string))) for name in layers]
    assert [each.shape for each in pixels] == [(224, 224, 3)] * 3
    truth, teacher, student = pixels
    assert (student == 128).all() and (truth != student).any() and (truth != teacher).any()
    assert (truth[100:120, 100:120] == 128).all()  # boxes are outlines


def test_charts_name_the_numbers_they_join(tmp_path: Path) -> None:
    show_all(TensorBoard(tmp_path), tmp_path)
    layout = read_events(tmp_path / "logs" / "version_0").Tensors("custom_scalars__config__")[0]
    content = layout.tensor_proto.string_val[0].decode()
    assert "AP50" in content and "^val/AP50$" in content and "^teacher/AP50$" in content
