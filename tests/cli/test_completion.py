"""``finish=true``."""

import pytest

from diode_pl.cli.completion import choose_completion

TASK = [
    "task._target_=diode_pl.synthesis.finishing.finish",
    *(f"~task.{key}" for key in ("inversion", "trainer", "shard")),
]


def test_only_a_synthesis_is_finished_with_the_rules_of_the_set() -> None:
    *added, rules = choose_completion(["output_dir=a", "finish=True"], "synthesize")[:-2]
    assert added == TASK and rules.startswith("task.accept={_target_:diode_pl.cli.load_recorded_rules,")


@pytest.mark.parametrize("rules", ["accept=none", "accept.saturation.most=0.2", "accept=[saturation]"])
def test_rules_of_the_command_line_are_taken_and_kept(rules: str) -> None:
    assert choose_completion([rules, "finish=true"], "synthesize")[:-2] == [*TASK, "+task.keep_rules=true"]


@pytest.mark.parametrize("word", ["detector@verifier=yolov3_res_shapes", "verifier.weights=a.safetensors"])
def test_a_verifier_scores_if_it_is_named(word: str) -> None:
    assert "+task.verifier=${verifier}" in choose_completion([word, "finish=true"], "synthesize")


@pytest.mark.parametrize(
    ("words", "name"), [(["finish=false"], "synthesize"), (["finish=true"], "train"), ([], "train")]
)
def test_nothing_is_added_without_the_word(words: list[str], name: str) -> None:
    assert choose_completion(words, name) == words
