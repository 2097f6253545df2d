import pytest
from hydra._internal.utils import get_args_parser

from diode_pl.cli.insertion import insert_overrides


@pytest.mark.parametrize(
    "words",
    [
        ["a=1", "b=2"],
        ["-m", "a=1", "b=2"],
        ["a=1", "b=2", "-m"],
        ["a=1", "b=2", "--cfg", "job", "--resolve"],
        ["--config-dir=x", "-m", "a=1", "b=2"],
        ["--cfg", "job", "+a=1", "~b"],
        [],
        ["-m"],
    ],
    ids=str,
)
def test_hydra_takes_what_is_added_wherever_its_options_stand(words: list[str]) -> None:
    before, after = (get_args_parser().parse_args(each) for each in (words, insert_overrides(words, ["c=3", "~d"])))
    assert after.overrides == ["c=3", "~d", *before.overrides]
    assert {**vars(before), "overrides": None} == {**vars(after), "overrides": None}
