"""Tables of the paper as sweeps."""

import pytest
from omegaconf import OmegaConf

from diode_pl.cli.conf import CONF
from diode_pl.cli.tables import ROWS, expand_tables

TABLES = [(name, OmegaConf.load(CONF / "experiment" / name / "_tables.yaml")) for name in ("synthesize", "train")]


def test_a_table_is_a_sweep_over_its_rows() -> None:
    words = expand_tables(["seed=0,1", "+experiment=table3"], "train")
    assert words == ["seed=0,1", "+experiment=rows/real,rows/labels,rows/onebox", "-m"]
    assert expand_tables(["+experiment=table3"], "train") == [words[1], "seed=0", "-m"]
    assert expand_tables(["-m", "+experiment=table2"], "synthesize").count("-m") == 1


def test_of_the_papers_own_data_the_rows_are_others() -> None:
    (word, *_) = expand_tables(["+experiment=table5", "data@val=coco"], "train")
    assert word.partition("=")[2].startswith("rows/imagenet,rows/voc,rows/bdd100k,rows/gta5,rows/onebox")
    (same, *_) = expand_tables(["+experiment=table4", "data@val=coco"], "train")
    assert same == expand_tables(["+experiment=table4"], "train")[0]


def test_what_only_students_need_is_no_word_for_images() -> None:
    words = expand_tables(["+experiment=table4", "data@val=coco", "detector@teacher=yolov3_spp"], "synthesize")
    assert words == ["+experiment=rows/onebox", "detector@teacher=yolov3_spp", "-m"]


def test_a_table_that_the_other_entry_point_makes_says_so() -> None:
    with pytest.raises(ValueError, match=r"table2: train\.py has no part in this table; synthesize\.py makes it"):
        expand_tables(["+experiment=table2"], "train")


@pytest.mark.parametrize(
    "words",
    [[], ["+experiment=quick", "data@val=coco"], ["+experiment=data@val=coco"], ["output_dir=table3"], ["table3"]],
)
def test_other_words_stay_as_they_are(words: list[str]) -> None:
    assert expand_tables(words, "train") == words
    assert expand_tables(words, "predict") == words


def test_every_row_is_an_experiment_and_every_row_is_in_a_table() -> None:
    for entry_point, tables in TABLES:
        lists = [each for each in tables.values() if OmegaConf.is_list(each)]
        lists += [rows for each in tables.values() if OmegaConf.is_dict(each) for rows in each.values()]
        files = {path.stem for path in (CONF / "experiment" / entry_point / ROWS).glob("[a-z]*.yaml")}
        assert {row for rows in lists for row in rows} == files
