import json
from pathlib import Path

import pytest
from safetensors import safe_open

import diode_pl.io.assets
import synthesize
from diode_pl.detector import load_weights_file
from diode_pl.io.assets import asset
from diode_pl.shapes import ShapesWorld
from tests.command_line import run_main

ROOT = Path(__file__).resolve().parents[3]
PACKED = ["yolov3_res_shapes.safetensors", "yolov3_tiny_shapes.safetensors"]
# A network that is asked says no at once.
OFFLINE = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}


def test_path_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.safetensors").write_bytes(b"b")
    (tmp_path / "a.safetensors").write_bytes(b"a")
    monkeypatch.setattr(diode_pl.io.assets, "__file__", str(tmp_path / "__init__.py"))
    assert asset("b.safetensors") == tmp_path / "b.safetensors"
    with pytest.raises(ValueError, match=r"diode_pl/io/assets holds no c; it holds a.safetensors, b.safetensors"):
        asset("c")


def test_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diode_pl.io.assets, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ValueError, match="it holds nothing"):
        asset("a.safetensors")


def test_folder_is_that_of_the_package() -> None:
    assert asset("__init__.py").read_text().startswith('"""Weights that come with the package')


def test_these_files_are_all_that_is_packed() -> None:
    assert sorted(path.name for path in (ROOT / "diode_pl" / "io" / "assets").glob("*.safetensors")) == PACKED


@pytest.mark.parametrize("name", PACKED)
def test_weights_are_small_and_say_how_good_they_are(name: str) -> None:
    assert asset(name).stat().st_size < 3e6
    with safe_open(asset(name), "pt") as weights:
        said = weights.metadata()
    scores = {key: float(said[key]) for key in ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "F1")}
    assert all(0 < score < 1 for score in scores.values()) and scores["AP50"] >= 0.9
    assert len(json.loads(said["class_names"])) == 8 and said["data_access"] == "no teacher +real images +real labels"


def test_images_are_made_of_them_without_a_word_and_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIODE_WEIGHTS", raising=False)
    for name, value in (OFFLINE | {"DIODE_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(name, value)
    short = ["budget=0.001", "num_images=1"]
    run_main(synthesize, "trainer.accelerator=cpu", "output_dir=set", *short, cwd=tmp_path)
    summary = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert set(summary["scores"]) == {"teacher_map50", "verifier_map50"} and "mug" in summary["classes"]
    assert len(list((tmp_path / "set" / "images").glob("*.png"))) == 1
    assert not (tmp_path / "cache").exists(), "where downloads go"


@pytest.mark.parametrize("name", PACKED)
def test_a_file_rebuilds_its_detector(name: str) -> None:
    assert load_weights_file(asset(name)).class_names == tuple(ShapesWorld("val", 1).class_names)
