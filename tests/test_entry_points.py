"""`python synthesize.py` as people and scripts run it."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import synthesize as entry_point
from tests.command_line import ENVIRONMENT, ROOT, run_failing, run_main, show_help
from tests.event_files import hyperparameters, read_events, scalars
from tests.tiny_network import SHORT, write_tiny_network
from tests.wandb_files import read_runs


def synthesize(*overrides: object, cwd: Path, fails: bool = False) -> str:
    if fails:
        return run_failing(entry_point, "trainer.accelerator=cpu", *overrides, cwd=cwd)
    run_main(entry_point, "trainer.accelerator=cpu", *overrides, cwd=cwd)
    return ""


def data_set(folder: Path) -> dict[str, bytes]:
    """What must be the same byte for byte however the run went."""
    files = [*sorted((folder / "images").iterdir()), *sorted((folder / "labels").iterdir())]
    return {
        path.name: path.read_bytes() for path in [*files, folder / "annotations.json", folder / "contact_sheet.png"]
    }


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("tiny")
    return [*write_tiny_network(folder), *SHORT]


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory) -> Path:
    """An uninterrupted run in one process: three batches, the last one smaller."""
    folder = tmp_path_factory.mktemp("whole")
    synthesize(*tiny, "output_dir=set", "callbacks.loss_log.every=4", cwd=folder)
    return folder / "set"


def test_help_answers_at_once_and_tells_groups_and_keys():
    shown = show_help("synthesize")
    for word in ("detector@teacher", "sampler", "schedule", "losses", "num_images=N", "budget=F", "DIODE_WEIGHTS"):
        assert word in shown


def test_a_run_leaves_a_whole_data_set(whole):
    assert len(list((whole / "images").glob("*.png"))) == len(list((whole / "labels").glob("*.txt"))) == 5
    coco = json.loads((whole / "annotations.json").read_text())
    assert [c["name"] for c in coco["categories"]] == ["cat", "dog"]
    assert len(coco["images"]) == 5 and len(coco["annotations"]) >= 5
    assert {(image["width"], image["height"]) for image in coco["images"]} == {(64, 64)}
    record = json.loads((whole / "batches" / "000002.json").read_text())
    assert len(record["images"]) == 1 and [s["iterations"] for s in record["stages"]] == [14, 12, 8]
    assert {"detection", "total_variation", "batch_norm", "total"} <= set(record["losses"])
    assert record["configuration"]["seed"] == 0 and "teacher_map50" in record["scores"]
    summary = json.loads((whole / "dataset.json").read_text())
    assert summary["images"] == 5 and summary["data_access"] == "teacher-only"
    assert (whole / "data.yaml").exists() and (whole / "contact_sheet.png").exists()


def test_losses_and_scores_are_logged(whole):
    with open(whole / "logs" / "version_0" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows if row["loss/total"]][:4] == ["4", "8", "12", "14"]
    assert any(row["score/teacher_map50"] for row in rows)


def test_two_processes_make_the_same_set(tiny, whole, tmp_path):
    synthesize(*tiny, "output_dir=set", "trainer.devices=2", cwd=tmp_path)
    assert data_set(tmp_path / "set") == data_set(whole)


def test_a_killed_run_continues_to_the_same_set(tiny, whole, tmp_path):
    log = tmp_path / "log"
    with log.open("w") as output:
        command = [sys.executable, str(ROOT / "synthesize.py"), "trainer.accelerator=cpu", *tiny, "output_dir=set"]
        slow = [*command, "callbacks.verifier.every=1"]  # time to strike within the second batch
        run = subprocess.Popen(slow, cwd=tmp_path, stderr=output, stdout=output, env=ENVIRONMENT)
        while not (tmp_path / "set" / "batches" / "000000.json").exists():
            assert run.poll() is None, log.read_text()
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert len(list((tmp_path / "set" / "batches").glob("*.json"))) < 3
    written = (tmp_path / "set" / "batches" / "000000.json").stat().st_mtime_ns
    synthesize(*tiny, "output_dir=set", "callbacks.verifier.every=1", cwd=tmp_path)
    assert (tmp_path / "set" / "batches" / "000000.json").stat().st_mtime_ns == written
    assert data_set(tmp_path / "set") == data_set(whole)


def test_a_damaged_batch_is_made_again_and_a_whole_one_is_not(tiny, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "set")
    (tmp_path / "set" / "images" / "00000002.png").write_bytes(b"not what was written")
    kept = (tmp_path / "set" / "images" / "00000000.png").stat().st_mtime_ns
    synthesize(*tiny, "output_dir=set", cwd=tmp_path)
    assert (tmp_path / "set" / "images" / "00000000.png").stat().st_mtime_ns == kept
    assert data_set(tmp_path / "set") == data_set(whole)


def test_shards_make_the_same_set_and_the_last_one_completes_it(tiny, whole, tmp_path):
    shard = ["output_dir=set", "shard.count=2"]
    synthesize(*tiny, *shard, "shard.index=1", cwd=tmp_path)
    said = (tmp_path / "set" / "synthesize.log").read_text()
    assert "set is not complete, it holds 2 of 5 images, 1 of 3 batches; shard 1 of 2 is done" in said
    text = synthesize("finish=true", "output_dir=set", cwd=tmp_path, fails=True)
    assert "error: output_dir" in text and "2 of 5 images" in text and "batches 0, 2" in text
    synthesize(*tiny, *shard, "shard.index=0", cwd=tmp_path)
    assert data_set(tmp_path / "set") == data_set(whole)
    described = (tmp_path / "set" / "dataset.json").read_bytes()
    synthesize("finish=true", "output_dir=set", cwd=tmp_path)
    assert data_set(tmp_path / "set") == data_set(whole)
    assert (tmp_path / "set" / "dataset.json").read_bytes() == described
    assert json.loads(described)["complete"] and not (tmp_path / "set" / ".team").exists()


def test_a_shard_out_of_range_is_named(tiny, tmp_path):
    text = synthesize(*tiny, "output_dir=set", "shard.index=2", "shard.count=2", cwd=tmp_path, fails=True)
    assert "error: shard.index must be an integer in [0, 2)" in text and "Traceback" not in text


def test_another_configuration_in_the_same_folder_is_refused_in_one_line(tiny, whole):
    before = data_set(whole)
    text = synthesize(*tiny, "losses.detection.weight=7.0", f"output_dir={whole}", cwd=whole, fails=True)
    assert "error: output_dir" in text and "losses.detection.weight: 1.0 there, 7.0 now" in text
    assert "Traceback" not in text
    assert data_set(whole) == before


def test_a_sweep_puts_each_job_in_a_folder_of_its_own(tiny, tmp_path):
    synthesize(*tiny, "num_images=2", "seed=0,1", "output_dir=sweep", "--multirun", cwd=tmp_path)
    sets = [tmp_path / "sweep" / f"seed={seed}" for seed in (0, 1)]
    first = data_set(sets[0])
    assert first != data_set(sets[1])
    written = (sets[0] / "batches" / "000000.json").stat().st_mtime_ns
    synthesize(*tiny, "num_images=2", "seed=2,0", "output_dir=sweep", "--multirun", cwd=tmp_path)
    assert data_set(sets[0]) == first and (sets[0] / "batches" / "000000.json").stat().st_mtime_ns == written
    assert {path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()} == {"seed=0", "seed=1", "seed=2"}
    other = [*tiny, "num_images=2", "losses.detection.weight=7.0", "seed=2,3", "output_dir=sweep", "--multirun"]
    text = synthesize(*other, cwd=tmp_path, fails=True)
    (line,) = [line for line in text.splitlines() if "losses.detection.weight: " in line]  # a refused job is one line
    assert line.startswith("error: job 0 ") and "1.0 there, 7.0 now; Go back to those values" in line
    assert (tmp_path / "sweep" / "seed=3" / "dataset.json").exists()


def test_a_wrong_key_is_named(tiny, tmp_path):
    text = synthesize(*tiny, "losses.detectoin.weight=1", cwd=tmp_path, fails=True)
    assert "detectoin" in text


def test_a_resolution_that_does_not_fit_is_explained(tiny, tmp_path):
    text = synthesize(*tiny, "schedule.stages.0.resolution=33", cwd=tmp_path, fails=True)
    assert (
        "schedule.stages.0.resolution must be a multiple of 8 px" in text
        and "got 33 px" in text
        and "Traceback" not in text
    )


def test_a_sweep_goes_on_after_a_job_that_fails(tiny, tmp_path):
    resolutions = "schedule.stages.0.resolution=33,32"
    synthesize(*tiny, "num_images=2", resolutions, "output_dir=sweep", "--multirun", cwd=tmp_path, fails=True)
    assert [path.parent.name for path in (tmp_path / "sweep").rglob("annotations.json")] == [resolutions[:-5] + "32"]


def test_another_teacher_under_the_same_name_is_refused(tiny, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "set")
    weights = next(override for override in tiny if override.startswith("teacher.weights=")).split("=", 1)[1]
    kept = Path(weights).read_bytes()
    try:
        Path(weights).write_bytes(kept[:-4] + b"\0\0\0\x40")
        text = synthesize(*tiny, "output_dir=set", cwd=tmp_path, fails=True)
    finally:
        Path(weights).write_bytes(kept)
    assert "teacher_sha256" in text


def test_labels_of_a_coco_file_and_half_precision(tiny, whole, tmp_path):
    options = ["sampler=labels", f"sampler.path={whole / 'annotations.json'}", "trainer.precision=bf16-mixed"]
    synthesize(*tiny, *options, "num_images=2", "schedule.stages.0.growth=null", "output_dir=set", cwd=tmp_path)
    given, made = (json.loads((folder / "annotations.json").read_text()) for folder in (whole, tmp_path / "set"))
    assert [box["category_id"] for box in made["annotations"]] == [
        box["category_id"] for box in given["annotations"] if box["image_id"] <= 2
    ]
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["data_access"] == "teacher +real labels"


def test_a_key_without_a_value_is_named(tmp_path):
    text = synthesize("detector@teacher=darknet", cwd=tmp_path, fails=True)
    assert "teacher.cfg" in text and "Traceback" not in text


def test_without_a_logger_nothing_is_logged(tiny, whole, tmp_path):
    synthesize(*tiny, "logger=none", "output_dir=set", cwd=tmp_path)
    assert data_set(tmp_path / "set") == data_set(whole) and not (tmp_path / "set" / "logs").exists()


def test_each_job_of_a_sweep_is_a_run_of_wandb_and_goes_on_under_its_id(tiny, whole, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    command = [*tiny, "logger=wandb", "logger.wandb.offline=true", "seed=0,1", "callbacks.loss_log.every=4"]
    command += ["callbacks.image_log.every=10", "output_dir=sweep", "--multirun"]
    synthesize(*command, cwd=tmp_path)
    runs = read_runs(tmp_path / "sweep")
    assert [(run.name, run.group, run.job, run.exit_code) for run in runs] == [
        (f"seed={seed}", "sweep", "synthesize", 0) for seed in (0, 1)
    ]
    assert data_set(tmp_path / "sweep" / "seed=0") == data_set(whole)  # what is looked at stays as it is
    run = runs[0]
    assert "teacher-only" in run.tags and any(tag.endswith("/tiny.weights") for tag in run.tags)
    assert run.config["seed"] == 0 and run.config["sampler"]["_target_"].endswith("OneBox")
    steps = [step for step, _ in run.values("loss/total")]
    assert steps == sorted(set(steps)) and steps[:4] == [4, 8, 12, 14] and steps[-1] == 3 * (14 + 12 + 8)
    assert [step for step, _ in run.values("images/count")] == [34, 68, 102]
    assert [step for step, _ in run.values("progress/count")][:3] == [1, 10, 14]
    layers = run.values("images/all_boxes")[0][1][0]
    assert set(layers) == {"targets", "teacher"}
    assert run.summary["result/images"] == 5 and 0 <= run.summary["result/teacher_map50"] <= 1
    assert [artifact.type for artifact in run.artifacts] == ["dataset"]
    synthesize(*command, cwd=tmp_path)
    again = [each for each in read_runs(tmp_path / "sweep") if each.id == run.id]
    assert len(again) == 2 and again[1].summary["result/images"] == 5


def test_without_a_login_one_line_says_what_to_do(tiny, tmp_path):
    clean = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("WANDB_")}
    command = [sys.executable, str(ROOT / "synthesize.py"), "trainer.accelerator=cpu", *tiny, "output_dir=set"]
    run = subprocess.run(
        [*command, "logger=wandb"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean | {"HOME": str(tmp_path)},
    )
    said = run.stderr.splitlines()[-1]
    assert run.returncode == 1 and "Traceback" not in run.stderr and said.startswith("error: W&B")
    assert "`wandb login`" in said and "logger.wandb.offline=true" in said


def test_tensorboard_has_pictures_results_and_hyperparameters(tiny, tmp_path):
    synthesize(*tiny, "num_images=2", "logger=tensorboard", "output_dir=set", cwd=tmp_path)
    (folder,) = (tmp_path / "set" / "logs").iterdir()
    events = read_events(folder)
    assert {"images/00000000/targets", "images/00000001/teacher"} <= set(events.Tags()["images"])
    assert {step for step, _ in scalars(events, "loss/total")} == {14, 26, 34}
    assert scalars(events, "result/images") == [(0, 2.0)]
    assert hyperparameters(events)["batch_size"] == 2 and hyperparameters(events)["seed"] == 0


def test_a_verifier_of_other_classes_is_left_out_with_a_word(whole):
    # The default verifier knows the embedded world, the tiny teacher cats and dogs.
    assert "the verifier has none of the teacher's classes and is not used" in (whole / "synthesize.log").read_text()
    summary = json.loads((whole / "dataset.json").read_text())
    assert set(summary["scores"]) == {"teacher_map50"} and summary["data_access"] == "teacher-only"
