"""Keys that nobody asked for."""

from pathlib import Path
from types import ModuleType

import pytest

import export
import predict
import synthesize
import train
from diode_pl.cli.unread import refuse_unread
from tests.command_line import run_failing

CONFIG = {
    "num_images": 32,
    "seed": 0,
    "data": {"root": "${folder}/a", "train": "${held_out_from:train}"},
    "extra": 1,
    "schedule": {"stages": [{"_target_": "module.Stage", "factors": {}}, {"free": {}}]},
    "losses": {},
    "task": {"_target_": "module.function", "stages": "${schedule.stages}", "losses": "${losses}"},
}
READ = ["+folder=DIR", "+train=a", "+experiment=demo", "++seed=1", "extra=1", "+losses.own=1", "++losses.own=1"]
READ += ["+schedule.stages.0.factors.detection=1"]
READ += ["+task.key=1", "++task.key=1", "+data@train=coco"]


@pytest.mark.parametrize("override", READ)
def test_what_is_read_or_belongs_to_a_class_is_left_alone(override: str) -> None:
    refuse_unread([override], CONFIG, ["experiment", "data@train", "data@extra"], known=["seed"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("+num_image=8", r"^\+num_image=8: nothing reads the key num_image; did you mean num_images\?$"),
        ("+extra=1", r"^\+extra=1: nothing reads the key extra$"),
        ("+schedule.stage=1", r"^\+schedule.stage=1: nothing reads .* schedule.stage; did you mean schedule.stages\?$"),
        ("+data.key=1", r"^\+data.key=1: nothing reads the key data.key$"),
        ("++num_image=8", r"^\+\+num_image=8: nothing reads the key num_image; did you mean num_images\?$"),
        ("++seed=8", r"^\+\+seed=8: nothing reads the key seed$"),
        ("++schedule.stage=1", r"^\+\+schedule.stage=1: .*; did you mean schedule.stages\?$"),
        ("+Num-images=8", r"^\+Num-images=8: nothing reads the key Num-images; did you mean num_images\?$"),
        ("+new.deep.key=8", r"^\+new.deep.key=8: nothing reads the key new.deep.key"),
        ("+schedule.stages.1.free.detection=1", r"nothing reads the key schedule.stages.1.free.detection$"),
        ("+schedule.stages.7.free.detection=1", r"nothing reads the key schedule.stages.7.free.detection"),
        ("+data@extra=coco", r"^\+data@extra=coco: nothing reads the key extra$"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest(override: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        refuse_unread(["seed=1", override], CONFIG, ["experiment", "data@extra"])


@pytest.mark.parametrize("script", [synthesize, train, predict, export])
def test_a_run_with_such_a_key_does_not_begin(script: ModuleType, tmp_path: Path, unchecked: None) -> None:
    folder = () if script is export else (f"output_dir={tmp_path}",)
    given = (
        ("weights=none.pt", "source=none") if script is predict else ("weights=none.pt",) if script is export else ()
    )
    for sign in ("+", "++"):
        for typed in ("seeds=8", "schedules.stages=[]", "detector@detectors=none"):
            said = run_failing(script, *folder, *given, f"{sign}{typed}", cwd=tmp_path)
            refused = (
                "force-add" if sign == "++" and "@" in typed else f"{sign}{typed}: nothing reads the key "
            )  # Hydra's
            assert said.startswith(f"error: {refused}") and "\n" not in said
            assert ("did you mean seed?" in said) == (typed == "seeds=8")
        said = run_failing(script, *folder, *given, f"{sign}task.seeds=8", cwd=tmp_path)
        refusal = said.splitlines()[-1]  # after the line on what would be made
        assert refusal.startswith("error: task.seeds: ") and "no argument seeds" in refusal
    assert not any(tmp_path.rglob("batches/*"))
