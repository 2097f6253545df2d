"""A set that is there is described, and scored by another verifier."""

import json
from pathlib import Path

import pytest

from diode_pl.cli import load_recorded_rules
from diode_pl.data.accept import Saturation
from diode_pl.data.readers import Synthetic
from diode_pl.synthesis.callbacks import Snapshots, Verifier
from diode_pl.synthesis.finishing import finish, score_set
from diode_pl.synthesis.job import synthesize
from diode_pl.synthesis.trainer import build_synthesis_trainer
from tests.synthesis.synthesis_run import inversion
from tests.tiny_network import tiny_network


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A set of two batches that the teacher alone has scored."""
    module = inversion(tmp_path, num_images=3)
    callbacks = {"verifier": Verifier(), "snapshots": Snapshots(images=1, points=2)}
    synthesize(module, build_synthesis_trainer(callbacks, {}, "cpu"), tmp_path / "set", {"overrides": ["seed=0"]})
    return tmp_path / "set"


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_another_verifier_scores_it_without_a_conflict(made: Path, tmp_path: Path) -> None:
    records = [path.read_bytes() for path in sorted((made / "batches").glob("*.json"))]
    assert set(read(made, "dataset.json")["scores"]) == {"teacher_map50"}
    score = finish(made, {}, verifier=tiny_network(tmp_path / "v", seed=1))
    summary = read(made, "dataset.json")
    assert summary["scores"]["verifier_map50"] == score and summary["data_access"] == "teacher +verifier"
    assert all("seen_by_verifier" in box for box in read(made, "annotations.json")["annotations"])
    assert [path.read_bytes() for path in sorted((made / "batches").glob("*.json"))] == records
    other = finish(made, {}, verifier=tiny_network(tmp_path / "w", seed=2))
    assert read(made, "dataset.json")["scores"]["verifier_map50"] == other
    finish(made, {})
    assert read(made, "dataset.json")["scores"]["verifier_map50"] == other, "what was measured stays"


def test_batches_that_it_has_scored_are_skipped(made: Path, tmp_path: Path) -> None:
    verifier, looked = tiny_network(tmp_path / "v", seed=1), list[int]()
    verifier.register_forward_hook(lambda _, images, __: looked.append(len(images[0])))
    score_set(made, verifier)
    assert looked == [2, 1]
    (made / "scores" / "000001.json").unlink()
    score_set(made, verifier)
    assert looked == [2, 1, 1]


def test_one_without_a_class_of_the_set_is_refused(made: Path, tmp_path: Path) -> None:
    verifier = tiny_network(tmp_path / "v", seed=1)
    verifier.class_names = ("mug", "key")
    with pytest.raises(ValueError, match=r"^verifier: it has none of the classes of .*\[.cat., .dog.\]"):
        score_set(made, verifier)
    assert not (made / "scores").exists()


def test_rules_mark_a_finished_set_and_a_training_takes_what_is_accepted(made: Path) -> None:
    with pytest.raises(ValueError, match="accepted_only: .* does not say which images are accepted"):
        Synthetic(made, 32, accepted_only=True)
    shares = sorted(
        share for path in (made / "batches").glob("*.json") for share in read(path.parent, path.name)["saturation"]
    )
    finish(made, {}, accept={"saturation": Saturation(shares[1])})
    summary, images = read(made, "dataset.json"), read(made, "annotations.json")["images"]
    assert summary["accepted"]["images"] == 2 and summary["accepted"]["refused"] == {"saturation": 1}
    (refused,) = [image for image in images if not image["accepted"]]
    assert refused["reason"].endswith("of the color values are 0 or 255")
    assert len(Synthetic(made, 32)) == 3, "nothing is deleted"
    kept = Synthetic(made, 32, accepted_only=True)
    assert {path.name for path in kept.files()} == {each["file_name"] for each in images} - {refused["file_name"]}
    assert len(list((made / "images").iterdir())) == 3
    finish(made, {}, accept={"saturation": Saturation(0.0)})
    if not read(made, "dataset.json")["accepted"]["images"]:
        with pytest.raises(ValueError, match="no image is accepted; refused by"):
            Synthetic(made, 32, accepted_only=True)


def test_rules_that_were_named_once_are_those_of_the_set(made: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = {"saturation": {"_target_": "diode_pl.data.accept.Saturation", "most": 1.0}}
    finish(made, {"accept": rules}, accept={"saturation": Saturation(1.0)}, keep_rules=True)
    assert load_recorded_rules(made)["saturation"].most == 1.0 and "has changed" not in caplog.text
    finish(made, {"accept": {}}, accept=load_recorded_rules(made))
    assert read(made, "dataset.json")["accepted"]["images"] == 3 and "has changed" not in caplog.text
    with caplog.at_level("INFO"):
        finish(made, {"accept": {}}, accept={}, keep_rules=True)
    assert "what is accepted has changed: no rules; before, 3 images by saturation" in caplog.text
    assert load_recorded_rules(made) == {}


def test_card_and_page_are_written_anew(made: Path) -> None:
    for name in ("DATASET_CARD.md", "report.html"):
        (made / name).unlink()
    finish(made, {})
    assert "python synthesize.py seed=0\n" in (made / "DATASET_CARD.md").read_text()
    assert (made / "report.html").stat().st_size > 10_000
