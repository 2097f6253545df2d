"""The end of a set that several processes have made."""

import json
from pathlib import Path

import pytest

from diode_pl.data.synthetic import Plan, Team
from diode_pl.data.synthetic.completion import describe_shortfall, finish_set
from tests.data.batches import CONFIGURATION, NAMES, contents, data_set, finished


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A set of two planned batches, one of which is there."""
    with Team(tmp_path).joined(Plan(4, 2), NAMES, CONFIGURATION):
        data_set(tmp_path).write(finished(0))
    return tmp_path


def test_a_complete_set_is_described_as_one_process_would(half: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data_set(half).write(finished(1))
    finish_set(half)
    other = data_set(tmp_path_factory.mktemp("other"))
    for number in range(2):
        other.write(finished(number))
    other.finish(Plan(4, 2))
    assert {name: content for name, content in contents(half).items() if name != "plan.json"} == contents(other.folder)


def test_one_that_is_not_complete_says_so_and_how_to_go_on(half: Path) -> None:
    with pytest.raises(ValueError, match="is not complete, it holds 2 of 4 images, 1 of 2 batches; .*: batches 1$"):
        finish_set(half)
    assert not json.loads((half / "dataset.json").read_text())["complete"]


def test_a_damaged_image_is_found(half: Path, caplog: pytest.LogCaptureFixture) -> None:
    data_set(half).write(finished(1))
    (half / "images" / "00000002.png").write_bytes(b"cut")
    with pytest.raises(ValueError, match="2 of 4 images"):
        finish_set(half)
    assert "00000002.png is not what was written" in caplog.text


def test_a_folder_without_a_plan_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^folder: .* has no plan.json"):
        finish_set(tmp_path)
    (tmp_path / "plan.json").write_text('{"num_images": 4}')
    with pytest.raises(ValueError, match=r"plan\.json is damaged \(KeyError: 'batch_size'\)"):
        finish_set(tmp_path)


def test_without_any_batch_everything_is_missing(tmp_path: Path) -> None:
    assert "0 of 4 images, 0 of 2 batches" in str(describe_shortfall(tmp_path, None, Plan(4, 2)))
