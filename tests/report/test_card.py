"""The card of a synthetic set."""

import json
from pathlib import Path

import yaml

from diode_pl.data.accept import Gate
from diode_pl.data.synthetic import Plan
from diode_pl.report.card import write_card
from tests.data.batches import NAMES, data_set
from tests.report.page.runs import First, write_set


def test_the_head_is_what_hubs_read_and_the_body_counts(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "mugs & more")
    summary = data_set(folder).finish(Plan(6, 3), Gate({"first": First()}))
    assert summary is not None
    text = write_card(folder, summary, {"overrides": ["seed=0", "sampler.classes=[dog,cat]"]}).read_text()
    _, head, body = text.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["pretty_name"] == "mugs & more" and metadata["task_categories"] == ["object-detection"]
    assert metadata["size_categories"] == ["n<1K"] and {"synthetic", "teacher-only"} <= set(metadata["tags"])
    assert "**teacher-only**. Used: the weights of the teacher. Nothing else." in body
    assert "| images | 6 | 4 |" in body and "| `first` | 2 |" in body
    boxes = {name: count for name, count in summary["classes"].items()}
    assert all(f"| {name} | {boxes[name]} |" in body for name in NAMES)
    assert "python synthesize.py seed=0 'sampler.classes=[dog,cat]'\n" in body
    assert "| the teacher, on its own targets | 0.500 |" in body and "a verifier" not in body
    for name in ("images", "labels", "batches"):
        assert f"{name}/*" in body and (folder / name).is_dir()


def test_what_is_not_known_is_not_said(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", noted=False, planned=12)
    summary = json.loads((folder / "dataset.json").read_text())
    text = write_card(folder, summary, {}).read_text()
    assert "**Not complete**: 6 of 12 images are there." in text
    assert "| images | 6 | – |" in text and "refused" not in text and "python synthesize.py" not in text
