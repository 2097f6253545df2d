"""Files that pass from one run to the next."""

import shutil
from pathlib import Path

from diode_pl.dashboard import Artifact


def write_set(folder: Path, pixel: bytes = b"red") -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "00000000.png").write_bytes(pixel)
    (folder / "annotations.json").write_text("{}")
    return folder


def test_the_name_of_a_set_is_that_of_its_content_wherever_it_lies(tmp_path: Path) -> None:
    first = write_set(tmp_path / "a")
    moved, other = shutil.copytree(first, tmp_path / "b"), write_set(tmp_path / "c", b"blue")
    names = [Artifact.from_set(folder, {"images": 1, "seconds": 3}).name for folder in (first, moved, other)]
    assert names[0] == names[1] != names[2] and names[0].startswith("images-")


def test_a_set_is_its_files_and_what_is_known_of_it(tmp_path: Path) -> None:
    made = Artifact.from_set(write_set(tmp_path / "a"), {"images": 1, "seconds": 3, "data_access": "teacher-only"})
    assert [path.name for path in made.paths] == ["images", "annotations.json"] and made.kind == "dataset"
    assert made.facts == {"folder": str(tmp_path / "a"), "images": 1, "data_access": "teacher-only"}


def test_a_model_names_what_it_was_made_from(tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(b"net")
    made = Artifact.from_file(tmp_path / "student.onnx", {"difference": 0.0}, ("images-1",))
    assert made.name.startswith("student.onnx-") and made.made_from == ("images-1",) and made.kind == "model"
