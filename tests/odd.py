"""Odd input files beside the checkout."""

from pathlib import Path

import pytest


def odd_folder(shared_data: Path, name: str) -> Path:
    """A folder of small files of one kind that people reported; the test is skipped where it is absent."""
    folder = shared_data / "odd_files" / name
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder
