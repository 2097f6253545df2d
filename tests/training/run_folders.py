"""Folders of trainings, written by hand."""

from pathlib import Path

import torch


def finish(folder: Path, epochs: int) -> None:
    history = [{"epoch": float(epoch)} for epoch in range(epochs)]
    torch.save({"state_dict": {"weight": torch.ones(2)}, "distillation": {"history": history}}, folder / "student.ckpt")
