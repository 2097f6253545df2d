import sys
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

from diode_pl.cli.run import prepare_arguments
from diode_pl.cli.weights_files import choose_file_detectors
from diode_pl.report import save_weights
from tests.detector.detectors import small
from tests.tiny_network import tiny_network


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``a.safetensors`` where we are, and one of an own detector, which holds no architecture."""
    monkeypatch.chdir(tmp_path)
    save_weights(tiny_network(tmp_path), "a.safetensors")
    save_weights(small("ssd"), "own.safetensors")
    Path("damaged.safetensors").write_bytes(b"\x20" + bytes(40))
    Path("best.ckpt").touch()


@pytest.mark.parametrize(
    ("entry_point", "typed", "added"),
    [
        ("synthesize", ["teacher.weights=a.safetensors", "seed=1"], ["teacher"]),
        ("synthesize", ["teacher.weights='a.safetensors'", "teacher.names=[a,b]"], ["teacher"]),
        ("synthesize", ["verifier.weights=a.safetensors", "teacher.weights=a.safetensors"], ["teacher", "verifier"]),
        ("train", ["teacher.weights=a.safetensors", "+experiment=train/quick"], ["teacher"]),
        ("train", ["student.weights=a.safetensors"], ["student"]),
        ("train", ["student.weights=best.ckpt"], ["student"]),
        ("train", ["student.weights=a.safetensors", "+experiment=train/quick"], []),
        ("train", ["student.weights=a.safetensors", "+student.partial=true"], []),
        ("train", ["teacher.weights=a.safetensors", "detector@teacher=darknet"], []),
        ("train", ["teacher.weights=a.safetensors", "teacher.cfg.width=0.25"], []),
        ("train", ["teacher.weights=absent.safetensors", "student.weights=absent.ckpt"], []),
        ("train", ["teacher.weights=own.safetensors", "student.weights=damaged.safetensors"], []),
        ("train", ["teacher.weights=COCO_V1", "--cfg", "job"], []),
        ("predict", ["weights=a.safetensors"], []),
    ],
)
def test_a_file_that_says_it_is_the_detector(
    weights: None, entry_point: str, typed: list[str], added: list[str]
) -> None:
    found = choose_file_detectors(typed, entry_point)
    assert found == [*(f"detector@{role}=file" for role in added), *typed]


@pytest.mark.parametrize(
    ("typed", "added"),
    [
        (["ckpt=best.ckpt"], ["detector@student=file", "student.weights=best.ckpt", "detector@teacher=none"]),
        (["ckpt=best.ckpt", "train.root=DIR"], ["detector@student=file", "student.weights=best.ckpt"]),
        (["ckpt=best.ckpt", "detector@student=darknet", "student.cfg=a.cfg"], ["detector@teacher=none"]),
        (["student.weights=a.safetensors"], ["detector@teacher=none", "detector@student=file"]),
        (["ckpt=best.ckpt", "student.names=[a]", "teacher.weights=COCO_V1"], []),
        (["ckpt=null", "detector@teacher=darknet"], []),
    ],
)
def test_what_is_measured_says_itself_which_detector_it_is(weights: None, typed: list[str], added: list[str]) -> None:
    typed = ["task=evaluate", *typed]
    assert choose_file_detectors(typed, "train") == [*added, *typed]


@pytest.mark.parametrize("head", [b"[]", b'{"__metadata__": null}', b'{"__metadata__": 3}', b"", b"\xff"])
def test_heads_of_damaged_files(head: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(len(head).to_bytes(8, "little") + head)
    assert choose_file_detectors([f"teacher.weights={file}"], "train") == [f"teacher.weights={file}"]


def test_every_command_line_is_looked_at(weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "teacher.weights=a.safetensors"])
    prepare_arguments("train")
    assert sys.argv == ["train.py", "detector@teacher=file", "teacher.weights=a.safetensors"]


@pytest.mark.parametrize(
    "words", [["teacher.weights=a.safetensors"], ["shard.index=0", "shard.count=2"], ["finish=true"]], ids=str
)
def test_options_of_hydra_may_come_last(weights: None, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one that takes a value, Hydra takes no more overrides."""
    monkeypatch.setattr(sys, "argv", ["synthesize.py", *words, "--cfg", "job"])
    prepare_arguments("synthesize")
    parsed = get_args_parser().parse_args(sys.argv[1:])
    assert parsed.cfg == "job" and set(words) < set(parsed.overrides)
