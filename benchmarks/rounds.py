"""Blocks of steps of a Lightning loop and of their floor, taking turns, in one process."""

import tempfile
from collections.abc import Callable
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir

from benchmarks.stopwatch import Stopwatch, peak_memory, read_clock
from diode_pl.cli.conf import CONF
from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.weights_files import choose_file_detectors

_WARM_UP = 2


class Rounds(pl.Callback):
    """Times the steps of an epoch; must be the last callback, so that what the others do counts.

    Args:
        run_floor: the least that a step must do, on the batch of the last step.
        wrap_parts: called before the first step, to wrap the parts of a step.
        first: steps at the start that differ from the others.
        rounds: blocks of steps, and of floors.
        block: steps of each.

    Attributes:
        steps, floors: seconds of a step and of a floor, by block; ``at_first`` those of each of the ``first`` steps.
        parts: seconds of a step by part, from a block of its own.
    """

    def __init__(
        self,
        run_floor: Callable[[Any], None],
        wrap_parts: Callable[[Stopwatch], None],
        first: int,
        rounds: int,
        block: int,
    ) -> None:
        self.run_floor, self.wrap_parts = run_floor, wrap_parts
        self.first, self.rounds, self.block = first, rounds, block
        self.at_first, self.steps, self.floors = list[float](), list[float](), list[float]()
        self.parts, self.watch = dict[str, float](), Stopwatch()

    @property
    def total(self) -> int:
        """Number of steps that all of it takes."""
        return self.first + _WARM_UP + (self.rounds + 1) * self.block

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Wraps the parts before the first step, when an epoch has made them."""
        if batch_idx == 0:
            self.wrap_parts(self.watch)
            for callback in trainer.callbacks[:-1]:
                self.watch.wrap(callback, "on_train_batch_end", "callbacks")
            self._lap()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Ends a block where one is due."""
        done = batch_idx + 1 - self.first - _WARM_UP
        if batch_idx < self.first:
            self.at_first.append(self._lap())
        elif done == 0:
            self.run_floor(batch)
            self._lap()
        elif done > 0 and done % self.block == 0:
            seconds = self._lap() / self.block
            if len(self.steps) < self.rounds:
                self.steps.append(seconds)
                for _ in range(self.block):
                    self.run_floor(batch)
                self.floors.append(self._lap() / self.block)
                self.watch.running = len(self.steps) == self.rounds  # the parts, in the last block
            elif not self.parts:
                self.watch.running = False
                self.parts = {part: total / self.block for part, total in sorted(self.watch.seconds.items())}
                self.parts["framework"] = seconds - sum(self.parts.values())

    def _lap(self) -> float:
        now = read_clock()
        seconds, self._began = now - getattr(self, "_began", now), now
        return seconds

    def row(self) -> dict[str, Any]:
        """Milliseconds, medians over the blocks; the peak of the memory in GiB."""
        floor, step = median(self.floors), median(self.steps)
        return {
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu x{torch.get_num_threads()}",
            "floor_ms": round(1000 * floor, 1),
            "step_ms": round(1000 * step, 1),
            "ratio": round(step / floor, 2),
            "first_ms": round(1000 * median(self.at_first), 1) if self.at_first else None,
            "peak_gib": round(peak_memory(), 2),
            "parts_ms": {part: round(1000 * seconds, 1) for part, seconds in self.parts.items()},
        }


def compose_run(entry_point: str, words: list[str]) -> Any:
    """The configuration of an entry point, without progress bar and logger; no run writes to its folder."""
    overrides = choose_file_detectors(qualify_experiments(words, entry_point), entry_point)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(entry_point, [*overrides, f"output_dir={tempfile.gettempdir()}", "callbacks.progress=null"])
