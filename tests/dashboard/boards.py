"""What every dashboard is shown in its tests."""

from pathlib import Path

import torch

from diode_pl.dashboard import Artifact, Boxes, Dashboard, Picture, RunCard

NAMES = ["mug", "key"]


def show_all(board: Dashboard, folder: Path) -> None:
    """A whole run."""
    (folder / "student.onnx").write_bytes(b"net")
    config = {"seed": 3, "teacher": {"width": 0.5}, "task": {"teacher": {"width": 0.5}}}
    board.begin(RunCard("train", folder, config, ["AP50", "best_epoch"]))
    board.add_tags(["teacher", "+verifier"])
    board.log_metrics({"val/AP50": 0.25}, 1)
    box = torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    layers = {"truth": Boxes(box, torch.tensor([1])), "teacher": Boxes(box, torch.tensor([0]), torch.tensor([0.5]))}
    layers["student"] = Boxes(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0))
    board.log_pictures("predictions", [Picture(torch.full((3, 32, 32), 0.5), "0000", layers)], NAMES, 1)
    board.log_table("per_class", ["class", "AP50"], [["mug", 0.5], ["key", None]], 1)
    board.log_chart("AP50", {"val/AP50": [(0.0, 0.25)], "teacher/AP50": [(0.0, 0.5)]}, 1)
    board.use_artifact(Artifact("images-1", "dataset", (folder / "student.onnx",), {"images": 2}))
    board.log_artifact(Artifact.from_file(folder / "student.onnx", {"difference": 0.0}, ("images-1",)))
    board.summarize({"AP50": 0.25, "best_epoch": 2, "data_access": "teacher-only", "val/AP50": 0.75})
    board.end(True)
