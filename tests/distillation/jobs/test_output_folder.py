from pathlib import Path

import pytest

from tests.training_run import (
    run,
)


@pytest.mark.parametrize("key", ["train", "val"])
def test_nothing_is_written_among_the_images(tmp_path: Path, key: str) -> None:
    same_folder = tmp_path / "elsewhere" / ".."
    with pytest.raises(ValueError, match=rf"^folder and {key}\.root must differ"):
        run(tmp_path, settings={"train": None, key: {"root": str(same_folder)}})
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run(tmp_path / "there", epochs=1)
    assert not list((tmp_path / "here").iterdir())
