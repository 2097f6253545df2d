import pytest

from diode_pl.cli import refuse_renamed


@pytest.mark.parametrize("typed", ["recipe.burn_in_steps=10", "+recipe.burn_in_steps=10", "losses=default"])
def test_an_old_word_is_answered_with_the_new_one(typed: str) -> None:
    with pytest.raises(SystemExit, match=r"^error: .* has been replaced by (recipe.warmup_steps|losses=shares)$"):
        refuse_renamed(["output_dir=runs", typed])


def test_other_words_pass() -> None:
    refuse_renamed(["losses=shares", "recipe.warmup_steps=10", "--help", "distill.fkd.balance=1"])


@pytest.mark.parametrize("name", ["synthesize", "train"])
def test_entry_points_answer_before_hydra_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point = __import__(name)
    monkeypatch.setattr("sys.argv", [f"{name}.py", "nonsense=1", "losses=default"])
    with pytest.raises(SystemExit, match="losses=shares"):
        entry_point.main()
