"""How far is an iteration of the synthesis from its floor, the teacher's own forward and backward pass?

    OMP_NUM_THREADS=1 python -m benchmarks.synthesis_speed detector@teacher=mobilenetv2_yolov3_nano_coco batch_size=32

takes the words of synthesize.py and goes its way, Lightning and callbacks included, but writes no images. Blocks of
iterations and of floors take turns in one process, with the same batch, precision and memory format; medians over the
blocks are compared. These iterations are steady ones of the last stage; those before, in which the shares of the losses
are measured, stand beside them (first_ms). The parts of an iteration are timed in a block of their own.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.speed_options import run_measurement

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from benchmarks.stopwatch import Stopwatch


def measure(words: list[str], rounds: int, block: int) -> dict[str, Any]:
    """Milliseconds of floor and iteration, their ratio, the parts of an iteration, and the peak of the memory."""
    import pytorch_lightning as pl
    import torch
    from hydra.utils import instantiate

    from benchmarks.rounds import Rounds, compose_run
    from diode_pl.detector import bn_statistics
    from diode_pl.synthesis.loss_weighting import GradientShares
    from diode_pl.synthesis.module import Inversion

    config = compose_run("synthesize", [*words, "detector@verifier=none", "logger=none"])
    module: Inversion = instantiate(config.inversion, _convert_="object")
    trainer: pl.Trainer = instantiate(config.trainer, _convert_="object")

    def run_floor(_: object) -> None:
        assert module.images is not None
        images = module.images.detach().requires_grad_()
        with trainer.precision_plugin.forward_context():
            heads = module.teacher(images).heads
            total = torch.stack([head.float().sum() for head in heads]).sum()
        total.backward()

    def wrap_parts(watch: "Stopwatch") -> None:
        module.image_loss.augmentations = [
            watch.timed("augmentations", each) for each in module.image_loss.augmentations
        ]
        watch.wrap(module.teacher, "forward", "teacher forward")
        watch.wrap(bn_statistics, "channel_stats", "statistics")
        for name, term in module.objective.active.items():
            module.objective.active[name] = watch.timed(f"loss {name}", term)
        watch.wrap(module, "manual_backward", "backward")
        watch.wrap(trainer.strategy.optimizers[0], "step", "optimizer")

    weighting = module.objective.weighting
    measured = weighting.steps if isinstance(weighting, GradientShares) else 0
    taken = Rounds(run_floor, wrap_parts, measured, rounds, block)
    module.stages = [replace(module.stages[-1], iterations=taken.total, growth=None)]
    module.budget, module.batches = 1.0, range(1)
    trainer.callbacks.append(taken)
    trainer.fit(module)
    size = {"batch": module.plan.images_in(0), "resolution": module.stages[0].resolution}
    return {"words": " ".join(words)} | size | {"precision": str(trainer.precision)} | taken.row()


if __name__ == "__main__":
    run_measurement(__doc__, "synthesize.py", measure)
