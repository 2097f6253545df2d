"""Keys that nobody asked for."""

import pytest

import synthesize as entry_point
from diode_pl.cli.unread import refuse_unread
from tests.command_line import run_main

CONFIG = {
    "num_images": 32,
    "seed": 0,
    "data": {"root": "${folder}/a", "train": "${held_out_from:train}"},
    "extra": 1,
    "schedule": {"stages": []},
    "losses": {},
    "task": {"_target_": "module.function", "stages": "${schedule.stages}", "losses": "${losses}"},
}
READ = ["+folder=DIR", "+train=a", "+experiment=demo", "++extra=1", "extra=1", "+losses.own=1", "+task.key=1"]


@pytest.mark.parametrize("override", [*READ, "+detector@verifier=none"])
def test_what_is_read_or_belongs_to_a_class_is_left_alone(override: str) -> None:
    refuse_unread([override], CONFIG, ["experiment"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("+num_image=8", r"^\+num_image=8: nothing reads the key num_image; did you mean num_images\?$"),
        ("+extra=1", r"^\+extra=1: nothing reads the key extra$"),
        ("+schedule.stage=1", r"^\+schedule.stage=1: nothing reads .* schedule.stage; did you mean schedule.stages\?$"),
        ("+data.key=1", r"^\+data.key=1: nothing reads the key data.key$"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest(override: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        refuse_unread(["seed=1", override], CONFIG, ["experiment"])


def test_a_run_with_such_a_key_does_not_begin(tmp_path, unchecked: None) -> None:
    with pytest.raises(SystemExit, match=r"^error: \+num_image=8: .*; did you mean num_images\?$"):
        run_main(entry_point, f"output_dir={tmp_path / 'run'}", "+num_image=8")
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").glob("batches/*"))
