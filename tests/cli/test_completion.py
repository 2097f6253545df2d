"""``finish=true``."""

import pytest

from diode_pl.cli.completion import choose_completion


def test_only_a_synthesis_is_finished() -> None:
    added = choose_completion(["output_dir=a", "finish=True"], "synthesize")[2:]
    assert added == [
        "task._target_=diode_pl.data.synthetic.completion.finish_set",
        *(f"~task.{key}" for key in ("inversion", "trainer", "shard")),
    ]


@pytest.mark.parametrize(
    ("words", "name"), [(["finish=false"], "synthesize"), (["finish=true"], "train"), ([], "train")]
)
def test_nothing_is_added_without_the_word(words: list[str], name: str) -> None:
    assert choose_completion(words, name) == words
