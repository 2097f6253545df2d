"""The axis of all logs of a set."""

from pathlib import Path

import pytorch_lightning as pl

from diode_pl.synthesis.iterations import step_in_set
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent


class Counter(pl.Callback):
    """Step at each iteration and at the end of each stage."""

    def __init__(self) -> None:
        self.steps, self.ends = list[int](), list[int]()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.steps.append(step_in_set(module, batch_idx + 1))

    def on_train_epoch_end(self, trainer, module) -> None:
        self.ends.append(step_in_set(module))


def test_every_iteration_of_a_set_has_its_number(tmp_path: Path) -> None:
    stages, counter = [Stage(32, 3, sign_descent), Stage(64, 2, sign_descent)], Counter()
    fit(inversion(tmp_path, stages, num_images=4), counter)
    assert counter.steps == list(range(1, 11)) and counter.ends == [3, 5, 8, 10]


def test_a_process_that_makes_the_last_batch_alone_gives_the_same_numbers(tmp_path: Path) -> None:
    module, counter = inversion(tmp_path, [Stage(32, 4, sign_descent)], num_images=6, budget=0.5), Counter()
    module.batches = [2]
    fit(module, counter)
    assert counter.steps == [5, 6] and counter.ends == [6]
