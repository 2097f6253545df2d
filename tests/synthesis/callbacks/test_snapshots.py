"""Pictures and losses on the way, which change nothing."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diode_pl.data.synthetic import SyntheticSet, Team
from diode_pl.data.synthetic.records import read_record
from diode_pl.synthesis.callbacks import ImageWriter, Snapshots, Verifier
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent
from tests.tiny_network import tiny_network

STAGES = [Stage(32, 12, sign_descent), Stage(64, 6, sign_descent)]


def test_images_are_kept_at_even_shares_of_the_iterations(tmp_path: Path) -> None:
    snapshots = Snapshots(images=1, points=3)
    record = fit(inversion(tmp_path, STAGES), snapshots)
    assert list(snapshots.files) == [f"snapshots/00000000/{i:06d}.jpg" for i in (0, 6, 12, 18)]
    pictures = [Image.open(io.BytesIO(content)) for content in snapshots.files.values()]
    assert [picture.size for picture in pictures] == [(32, 32), (32, 32), (32, 32), (64, 64)]
    last = record.ends[1][0].permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(pictures[-1]) / 255 - last).mean() < 0.1, "the image as it ends"


def test_losses_are_kept_with_the_first_iteration(tmp_path: Path) -> None:
    snapshots = Snapshots(images=0, points=3)
    module = inversion(tmp_path, STAGES)
    record = fit(module, snapshots)
    trace = snapshots.notes["trace"]
    assert [(entry["iteration"], entry["stage"]) for entry in trace] == [(1, 0), (6, 0), (12, 0), (18, 1)]
    assert [entry["losses"]["total"] for entry in trace] == pytest.approx(
        [record.totals[i] for i in (0, 5, 11, 17)], rel=1e-4
    )
    assert not snapshots.files


def test_statistics_come_closer_to_those_of_the_teacher(tmp_path: Path) -> None:
    snapshots = Snapshots()
    module = inversion(tmp_path, [Stage(32, 60, sign_descent)])
    fit(module, snapshots)
    distance = snapshots.notes["batch_norm"]
    assert len(distance["start"]) == len(distance["end"]) == len(module.teacher.norm_layers())
    assert sum(distance["end"]) < sum(distance["start"])


def test_only_the_first_images_of_the_set(tmp_path: Path) -> None:
    """The second batch has images 2 and 3 of the set."""
    module, snapshots = inversion(tmp_path, [Stage(32, 2, sign_descent)], num_images=6), Snapshots(images=3, points=1)
    dataset = SyntheticSet(tmp_path / "set", module.teacher.class_names, {})
    fit(module, snapshots, Verifier(tiny_network(tmp_path / "v", seed=1)), ImageWriter(dataset, Team(dataset.folder)))
    assert sorted(path.name for path in (tmp_path / "set" / "snapshots").iterdir()) == [f"{i:08d}" for i in range(3)]
    record = read_record(tmp_path / "set" / "batches" / "000002.json", len(module.teacher.class_names))
    assert {"trace", "batch_norm", "anchors", "detections", "known_classes"} <= record.keys()
    assert {role: len(found) for role, found in record["detections"].items()} == {"teacher": 2, "verifier": 2}


def test_images_do_not_depend_on_it(tmp_path: Path) -> None:
    with_it, without = fit(inversion(tmp_path), Snapshots(points=20)), fit(inversion(tmp_path))
    assert torch.equal(with_it.ends[0], without.ends[0])


@pytest.mark.parametrize("wrong", [{"images": -1}, {"points": 0}])
def test_wrong_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="images and points must be >= 0 and 1"):
        Snapshots(**wrong)
