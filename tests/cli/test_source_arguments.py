"""What is read from source equals what importing tells, for every target of every option."""

import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

from diode_pl.cli.signatures import _import_arguments
from diode_pl.cli.source_arguments import read_arguments

CONF = Path(__file__).resolve().parents[2] / "conf"
TARGETS = sorted(
    {t for file in CONF.rglob("*.yaml") for t in re.findall(r"_target_: (diode_pl[\w.]+)", file.read_text())}
)
PLAIN = (int, float, bool, str, type(None))


def is_plain(hint: Any) -> bool:
    return hint in PLAIN or bool(typing.get_args(hint)) and all(map(is_plain, typing.get_args(hint)))


def test_there_are_targets() -> None:
    assert len(TARGETS) > 80


@pytest.mark.parametrize("target", TARGETS)
def test_source_says_what_importing_says(target: str) -> None:
    imported = _import_arguments(target)
    try:
        read = read_arguments(target)
    except LookupError:
        assert not imported.names  # no constructor of its own
        return
    assert (read.names, read.open_ended) == (imported.names, imported.open_ended)
    for name, hint in imported.hints.items():
        if name != "return" and is_plain(hint):
            assert read.hints[name] == hint, name


def test_other_packages_are_not_read() -> None:
    with pytest.raises(LookupError):
        read_arguments("torch.optim.SGD")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("num_images=abc", "num_images must be an integer, got 'abc'"),
        ("losses.batch_norm.form=raw", "losses.batch_norm.form must be one of paper, standardized, kl"),
        ("augmentations.flip.probability=[1]", "augmentations.flip.probability must be a finite number"),
        ("teacher.weights=nowhere.safetensors", "teacher.weights: "),
    ],
)
def test_such_errors_come_before_torch(words: str, said: str, tmp_path: Path) -> None:
    script = (
        "import sys; from diode_pl.cli.entry_points import synthesize\n"
        "try: synthesize()\n"
        "finally: print('torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, words, f"output_dir={tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said in ended.stderr
    assert ended.stdout.splitlines()[-1] == "False"
