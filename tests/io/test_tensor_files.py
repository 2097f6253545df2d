"""Files of torch.save are loaded without running code, or refused with what they hold."""

import random
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from diode_pl.io.tensor_files import load_tensors


class Anything:
    """What a pickle may hold beside tensors."""


@pytest.mark.parametrize("mmap", [True, False])
def test_tensors_and_plain_data(mmap: bool, tmp_path: Path) -> None:
    content = {"a": torch.ones(2), "b": [1, "two", None], "args": Namespace(lr=0.1)}
    torch.save(content, tmp_path / "a.pt")
    found = load_tensors(tmp_path / "a.pt", mmap)
    assert torch.equal(found.pop("a"), content.pop("a")) and found == content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            nn.Linear(1, 1),
            r"a file that holds more than tensors, torch.nn.modules.linear.Linear, which would run its author's code",
        ),
        ({"a": Anything()}, r"a file that holds more than tensors, tests.io.test_tensor_files.Anything"),
        (b"hello world\n", r"text, 'hello world\\n'"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"text, 'version https://git-lfs"),
        (b"", "an empty file"),
        (b"PK\3\4 and no more", "a file that is damaged or not of torch.save"),
        (b"\x80\x02}q\0", "a file that is damaged or not of torch.save"),
        (bytes(100), "a file that is damaged or not of torch.save"),
    ],
)
def test_other_content(content: Any, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    for mmap in (False, True) if not isinstance(content, bytes) else (False,):
        with pytest.raises(ValueError, match=f"^{file}: found {expected}"):
            load_tensors(file, mmap)


def test_no_bytes_escape_as_another_error(tmp_path: Path) -> None:
    for _ in range(300):
        (tmp_path / "a.pt").write_bytes(bytes(random.choices(b"(lp0.}]abc\n\x80\x02KqX\x00hstue", k=20)))
        with pytest.raises(ValueError, match=r"a.pt: found "):
            raise ValueError(f"a.pt: found {load_tensors(tmp_path / 'a.pt')}")  # a few bytes are a pickle


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a.pt'} does not exist"):
        load_tensors(tmp_path / "a.pt")
