"""How far is an iteration of the synthesis from its floor, the teacher's own forward and backward pass?

    OMP_NUM_THREADS=1 python -m benchmarks.synthesis_speed detector@teacher=mobilenetv2_yolov3_nano_coco batch_size=32

takes the words of synthesize.py and goes its way, Lightning and callbacks included, but writes no images. Blocks of
iterations and of floors take turns in one process, with the same batch, precision and memory format; medians over the
blocks are compared. These iterations are steady ones of the last stage; those before, in which the shares of the losses
are measured, stand beside them. The parts of an iteration are timed in a block of their own.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.jobs import print_table
from benchmarks.stopwatch import Stopwatch, peak_memory, read_clock
from diode_pl.cli.conf import CONF
from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.weights_files import choose_file_detectors
from diode_pl.detector import bn_statistics
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.module import Inversion

_WARM_UP = 2


class Rounds(pl.Callback):
    """Times the only stage of a synthesis; must be the last callback.

    Args:
        inversion: what is timed; its stage gets as many iterations as that takes.
        rounds: blocks of iterations, and of floors.
        block: iterations of each.

    Attributes:
        measuring: seconds of each iteration in which the shares of the losses are measured.
        steps, floors: seconds of an iteration, and of a forward and backward pass of the teacher, by block.
        parts: seconds of an iteration by part.
    """

    def __init__(self, inversion: Inversion, rounds: int, block: int) -> None:
        weighting = inversion.objective.weighting
        self.first = weighting.steps + 1 if isinstance(weighting, GradientShares) else 1
        self.rounds, self.block, self.watch = rounds, block, Stopwatch()
        self.measuring, self.steps, self.floors = list[float](), list[float](), list[float]()
        self.parts = dict[str, float]()
        iterations = self.first + _WARM_UP + (rounds + 1) * block
        inversion.stages = [replace(inversion.stages[-1], iterations=iterations, growth=None)]
        inversion.budget = 1.0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Wraps the parts before the first iteration; the stage has made them by now."""
        assert isinstance(pl_module, Inversion)
        if batch_idx:
            return
        watch, module = self.watch, pl_module
        module.augmentations = [watch.timed("augmentations", each) for each in module.augmentations]
        watch.wrap(module.teacher, "forward", "teacher forward")
        watch.wrap(bn_statistics, "channel_stats", "statistics")
        for name, loss in module.objective.active.items():
            module.objective.active[name] = watch.timed(f"loss {name}", loss)
        watch.wrap(module, "manual_backward", "backward")
        watch.wrap(trainer.strategy.optimizers[0], "step", "optimizer")
        for callback in trainer.callbacks[:-1]:
            watch.wrap(callback, "on_train_batch_end", "logging")
        self._began = read_clock()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Ends a block where one is due."""
        assert isinstance(pl_module, Inversion)
        done = batch_idx + 1 - self.first - _WARM_UP
        if batch_idx < self.first:
            self.measuring.append(self._lap())
        elif done == 0:
            self._run_floor(trainer, pl_module)
            self._lap()
        elif done > 0 and done % self.block == 0:
            seconds = self._lap() / self.block
            if len(self.steps) < self.rounds:
                self.steps.append(seconds)
                for _ in range(self.block):
                    self._run_floor(trainer, pl_module)
                self.floors.append(self._lap() / self.block)
                self.watch.running = len(self.steps) == self.rounds  # the parts, in the last block
            else:
                self.parts = {part: total / self.block for part, total in sorted(self.watch.seconds.items())}
                self.parts["framework"] = seconds - sum(self.parts.values())

    def _lap(self) -> float:
        now = read_clock()
        seconds, self._began = now - self._began, now
        return seconds

    @staticmethod
    def _run_floor(trainer: pl.Trainer, module: Inversion) -> None:
        assert module.images is not None
        images = module.images.detach().requires_grad_()
        with trainer.precision_plugin.forward_context():
            heads = module.teacher(images).heads
            total = torch.stack([head.float().sum() for head in heads]).sum()
        total.backward()


def measure(words: list[str], rounds: int, block: int) -> dict[str, Any]:
    """Milliseconds of floor and iteration, their ratio, the parts of an iteration, and the peak of the memory."""
    overrides = choose_file_detectors(qualify_experiments(words, "synthesize"), "synthesize")
    with tempfile.TemporaryDirectory() as folder:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            overrides += [f"output_dir={folder}", "detector@verifier=none", "logger=none", "callbacks.progress=null"]
            config = compose("synthesize", overrides)
        inversion: Inversion = instantiate(config.inversion, _convert_="object")
        trainer: pl.Trainer = instantiate(config.trainer, _convert_="object")
        taken = Rounds(inversion, rounds, block)
        trainer.callbacks.append(taken)  # last: what the others do counts
        inversion.batches = range(1)
        trainer.fit(inversion)
    floor, step = median(taken.floors), median(taken.steps)
    return {
        "words": words,
        "batch": inversion.plan.images_in(0),
        "resolution": inversion.stages[0].resolution,
        "precision": str(trainer.precision),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads",
        "floor_ms": round(1000 * floor, 1),
        "step_ms": round(1000 * step, 1),
        "ratio": round(step / floor, 2),
        "measuring_ms": round(1000 * median(taken.measuring), 1),
        "peak_gib": round(peak_memory(), 2),
        "parts_ms": {part: round(1000 * seconds, 1) for part, seconds in taken.parts.items()},
    }


def main() -> None:
    """Prints the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="as those of synthesize.py")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of iterations and of floors")
    parser.add_argument("--block", type=int, default=5, help="iterations of a block")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    row = measure(options.words, options.rounds, options.block)
    if options.json:
        options.json.write_text(json.dumps(row, indent=1) + "\n")
    flat = {name: value for name, value in row.items() if name not in ("words", "parts_ms")} | row["parts_ms"]
    print_table(iter([list(flat), [str(value) for value in flat.values()]]))


if __name__ == "__main__":
    main()
