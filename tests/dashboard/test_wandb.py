"""Runs of W&B, read back from what they write offline."""

import copy
import json
import textwrap
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import wandb
from pytorch_lightning.loggers import WandbLogger
from wandb.apis import public

from diode_pl.dashboard import Artifact, RunCard, Wandb
from tests.dashboard.boards import show_all
from tests.wandb_files import OfflineRun, read_runs


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")  # which the option overrides
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> OfflineRun:
    folder = tmp_path_factory.mktemp("run")
    board = Wandb(name="seed=3", group="runs/a", tags=["student=yolo", "x" * 80], save_dir=folder, offline=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        patch.setenv("WANDB_SILENT", "true")
        show_all(board, folder)
    (run,) = read_runs(folder)
    return run


def test_the_card_of_a_run(run: OfflineRun) -> None:
    assert (run.name, run.group, run.job, run.exit_code) == ("seed=3", "runs/a", "train", 0)
    assert run.tags[0] == "student=yolo" and run.tags[2:] == ["teacher", "+verifier"] and len(run.tags[1]) == 64
    assert run.config["seed"] == 3 and run.config["teacher"] == {"width": 0.5}
    assert (run.folder.parent / "train.id").read_text() == run.id


def test_numbers_and_results(run: OfflineRun) -> None:
    assert run.values("val/AP50") == [(1, 0.25)]
    assert run.summary["val/AP50"] == 0.75  # of the best epoch, where W&B would show the last one
    found = {name: value for name, value in run.summary.items() if name.startswith("result/")}
    assert found == {"result/AP50": 0.25, "result/best_epoch": 2, "result/data_access": "teacher-only"}


def test_every_layer_of_boxes_is_there(run: OfflineRun) -> None:
    ((step, (layers,)),) = run.values("predictions/all_boxes")
    assert step == 1 and run.values("predictions/captions") == [(1, ["0000"])]
    boxes = {name: json.loads((run.folder / "files" / layer["path"]).read_text()) for name, layer in layers.items()}
    assert set(boxes) == {"truth", "teacher", "student"} and boxes["student"]["box_data"] == []
    (truth,), (teacher,) = boxes["truth"]["box_data"], boxes["teacher"]["box_data"]
    assert truth["position"] == {"minX": 0.25, "minY": 0.25, "maxX": 0.75, "maxY": 0.75}
    assert (truth["class_id"], truth["box_caption"], truth.get("scores")) == (1, "key", None)
    assert (teacher["class_id"], teacher["box_caption"], teacher["scores"]) == (0, "mug 0.50", {"score": 0.5})


def test_tables_and_charts(run: OfflineRun) -> None:
    (path,) = [value for _, value in run.values("per_class/path")]
    table = json.loads((run.folder / "files" / path).read_text())
    assert table["columns"] == ["class", "AP50"] and table["data"] == [["mug", 0.5], ["key", None]]
    (path,) = [value for _, value in run.values("charts/AP50_table/path")]
    lines = json.loads((run.folder / "files" / path).read_text())["data"]
    assert lines == [[0.0, "val/AP50", 0.25], [0.0, "teacher/AP50", 0.5]]


def test_files_say_what_they_were_made_from(run: OfflineRun) -> None:
    (model,) = [each for each in run.artifacts if each.type == "model"]
    assert model.name.startswith("student.onnx-") and [file.path for file in model.manifest.contents] == [
        "student.onnx"
    ]
    assert json.loads(model.metadata)["made_from"] == ["images-1"] == run.config["made_from"]


def test_every_set_that_a_run_starts_from_is_noted_once(tmp_path: Path) -> None:
    board = Wandb(save_dir=tmp_path, offline=True)
    board.begin(RunCard("train", tmp_path, {}))
    for name in ("images-2", "images-1", "images-2"):
        board.use_artifact(Artifact(name, "dataset", (), {}))
    board.end(True)
    (run,) = read_runs(tmp_path)
    assert run.config["made_from"] == ["images-2", "images-1"]


class Server:
    """A run that reaches its server: what it would send."""

    offline = False

    def __init__(self) -> None:
        self.used, self.logged = list[Any](), list[Any]()
        self.use_artifact, self.log_artifact = self.used.append, self.logged.append


def test_with_a_server_lineage_is_drawn_from_the_same_artifact_that_was_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"red")
    (tmp_path / "annotations.json").write_text("{}")
    server, board = Server(), Wandb(save_dir=tmp_path)
    monkeypatch.setattr(board, "_logger", WandbLogger(experiment=server))
    images = Artifact.from_set(tmp_path, {"images": 1})
    board.log_artifact(images)
    board.use_artifact(images)
    (made,), (used,) = server.logged, server.used
    assert (made.name, made.type, made.digest) == (used.name, used.type, used.digest)
    assert set(made.manifest.entries) == {"images/a.png", "annotations.json"}


def test_the_lines_of_the_docs_draw_the_arrows_that_an_offline_run_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "dashboards.md").read_text(encoding="utf-8")
    lines = page.partition("```python\n")[2].partition("```")[0]
    made, trained = create_autospec(public.Run, instance=True), create_autospec(public.Run, instance=True)
    made.config, trained.config = {"seed": 0}, {"made_from": ["images-1", "images-2"]}
    api = create_autospec(wandb.Api, instance=True)  # as the package has it: other calls would fail
    api.runs.return_value = [made, trained]
    api.artifact.side_effect = lambda name: name
    monkeypatch.setattr(wandb, "Api", lambda: api)
    exec(compile(textwrap.dedent(lines), "dashboards.md", "exec"), {})
    assert not made.use_artifact.called
    names = [call.args[0] for call in trained.use_artifact.call_args_list]
    assert names == [f"ENTITY/diode_pl/images-{i}:latest" for i in (1, 2)]


def test_without_upload_the_files_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "student.onnx").write_bytes(b"net")
    server, board = Server(), Wandb(save_dir=tmp_path, upload=False)
    monkeypatch.setattr(board, "_logger", WandbLogger(experiment=server))
    board.log_artifact(Artifact.from_file(tmp_path / "student.onnx", {}, ()))
    (entry,) = server.logged[0].manifest.entries.values()
    assert entry.ref == (tmp_path / "student.onnx").as_uri() and entry.local_path is None


def test_a_run_that_fails_says_so_and_the_next_one_has_the_same_id(tmp_path: Path) -> None:
    board = Wandb(save_dir=tmp_path, offline=True)
    card = RunCard("train", tmp_path, {})
    for succeeded in (False, True):
        board.begin(card)
        assert copy.deepcopy(board) is board and board.version == (tmp_path / "wandb" / "train.id").read_text()
        board.end(succeeded)
    runs = read_runs(tmp_path)
    assert [run.exit_code for run in runs] == [1, 0] or len(runs) == 1  # two that begin in a second share a folder
    assert len({run.id for run in runs}) == 1
