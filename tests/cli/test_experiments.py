import pytest

from diode_pl.cli.experiments import qualify_experiments


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("+experiment=quick", "+experiment=train/quick"),
        ("+experiment=tables/chain/fp,tables/chain/real", "+experiment=train/tables/chain/fp,train/tables/chain/real"),
        ("+experiment=[quick, paper]", "+experiment=[train/quick, train/paper]"),
        ("experiment=train/quick", "experiment=train/quick"),
        ("~experiment", "~experiment"),
        ("output_dir=experiment=quick", "output_dir=experiment=quick"),
    ],
)
def test_names_are_of_the_entry_point(typed: str, whole: str) -> None:
    assert qualify_experiments(["seed=1", typed], "train") == ["seed=1", whole]
