"""Tables of the paper, from files written by hand."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from benchmarks.paper_tables import TABLES, paper_table
from diode_pl.cli.conf import CONF
from tests.benchmarks.sweeps import synthesis, training


def rows_of(entry_point: str, name: str) -> set[str]:
    """The rows that the command runs, with any data."""
    tables = OmegaConf.to_container(OmegaConf.load(CONF / "experiment" / entry_point / "_tables.yaml"))
    assert isinstance(tables, dict)
    others = [each.get(name, []) for each in tables.values() if isinstance(each, dict)]
    return {*tables[name], *(row for each in others for row in each)}


@pytest.mark.parametrize("name", TABLES)
def test_the_rows_are_those_that_the_command_runs(name: str) -> None:
    entry_point = "synthesize" if TABLES[name].result == "dataset.json" else "train"
    assert {row.name for row in TABLES[name].rows if row.name is not None} == rows_of(entry_point, name)


def test_table_2_in_the_papers_layout(tmp_path: Path) -> None:
    for seed, score in enumerate((0.4, 0.6)):
        synthesis(tmp_path / str(seed), ["+experiment=synthesize/rows/flip", f"seed={seed}"], score, 1.0, 2.0)
    headings, without, flip, *_, whole = paper_table(TABLES["table2"], [tmp_path])
    assert headings[1:6] == ["flip", "jitter", "brightness", "contrast", "cutout"]
    assert headings[6:] == ["verifier mAP@0.5 here", "runs", "verifier mAP@0.5 of the paper"]
    assert without == ["w/o aug.", *[""] * 5, "–", "0", "0.49 ± 0.063"]
    assert flip == ["w/ aug.", "✓", *[""] * 4, "0.500 ± 0.141", "2", "0.52 ± 0.026"]
    assert whole == ["Ours", *["✓"] * 5, "–", "0", "0.71 ± 0.014"]


def test_table_5_has_the_teacher_and_only_the_proxies_that_were_run(tmp_path: Path) -> None:
    for name, score in (("far", 0.2), ("fp", 0.5)):
        training(tmp_path / name, [f"+experiment=train/rows/{name}", "seed=0"], score, teacher=0.9)
    rows = list(paper_table(TABLES["table5"], [tmp_path]))[1:]
    assert [(row[0], row[3]) for row in rows] == [
        ("teacher", "0.900"),
        ("shapes_far", "0.200"),
        ("Data-free w/ DIODE", "–"),
        ("Data-free w/ DIODE+tiles", "–"),
        ("Data-free w/ DIODE+Y_FP sampling", "0.500"),
    ]
    assert rows[0][-1] == "0.608" and rows[-1][-1] == "0.450"


def test_folders_without_a_row_are_named(tmp_path: Path) -> None:
    training(tmp_path / "0", ["+experiment=train/quick"], 0.5)
    with pytest.raises(SystemExit, match=f"no metrics.json of a row of this table in {tmp_path}"):
        list(paper_table(TABLES["table3"], [tmp_path]))


def test_a_seed_counts_once_and_an_unfinished_set_not_at_all(tmp_path: Path) -> None:
    row = "+experiment=synthesize/rows/flip"
    for name, seed, score in (("row=flip", 0, 0.4), ("row=flip,seed=0", 0, 0.9), ("row=flip,seed=1", 1, 0.6)):
        synthesis(tmp_path / name, [row], score, 1.0, 2.0, seed=seed)
    synthesis(tmp_path / "row=flip,seed=2", [row], 0.1, 1.0, 2.0, seed=2, complete=False)
    flip = list(paper_table(TABLES["table2"], [tmp_path]))[2]
    assert flip[6:8] == ["0.500 ± 0.141", "2"]
