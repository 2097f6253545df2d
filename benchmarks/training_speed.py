"""How far is a step of the training from its floor, forward passes of teacher and student and the student's backward?

    OMP_NUM_THREADS=1 python -m benchmarks.training_speed +experiment=quick train.root=runs/first

takes the words of train.py and goes its way, Lightning, callbacks, data and augmentations included, but writes no
student. Blocks of steps and of floors take turns in one process, with the same images, precision and memory format;
medians over the blocks are compared. The floor is that of the teacher's forward pass, and of the student's forward and
backward pass. A validation of the student as it is then, on the validation images, stands beside them.
"""

from typing import TYPE_CHECKING, Any

from benchmarks.speed_options import run_measurement

if TYPE_CHECKING:  # imported where they are used, so that --help answers at once
    from benchmarks.stopwatch import Stopwatch


def measure(words: list[str], rounds: int, block: int) -> dict[str, Any]:
    """Milliseconds of floor and step, their ratio, the parts of a step; seconds of a validation."""
    import pytorch_lightning as pl
    import torch
    from hydra.utils import instantiate

    from benchmarks.rounds import Rounds, compose_run
    from benchmarks.stopwatch import read_clock
    from diode_pl.data import Batch
    from diode_pl.distillation.module import Distillation

    config = compose_run("train", [*words, "logger=none", "trainer.max_epochs=1", "trainer.max_time=null"])
    module: Distillation = instantiate(config.distillation, _convert_="object")
    trainer: pl.Trainer = instantiate(config.trainer, _convert_="object")
    data = module.data

    def run_floor(batch: Batch) -> None:
        with trainer.precision_plugin.forward_context():
            if module.teacher is not None:
                with torch.no_grad():
                    module.teacher(batch.images)
            total = torch.stack([head.float().sum() for head in module.student(batch.images).heads]).sum()
        total.backward()
        module.student.zero_grad()

    def wrap_parts(watch: "Stopwatch") -> None:
        watch.wrap(data._training, "__getitems__", "data")
        watch.wrap(data, "on_after_batch_transfer", "augmentations")
        if module.teacher is not None:
            watch.wrap(module.teacher, "forward", "teacher forward")
        watch.wrap(module.student, "forward", "student forward")
        for name, loss in module.objective.terms.items():
            watch.wrap(loss, "forward", f"loss {name}")
        watch.wrap(module, "backward", "backward")
        watch.wrap(module, "training_step", "rest of the losses")
        watch.wrap(trainer.optimizers[0], "step", "optimizer")

    taken = Rounds(run_floor, wrap_parts, 0, rounds, block)
    data.steps_per_epoch = taken.total
    validation = data.val
    trainer.callbacks.append(taken)
    trainer.limit_val_batches = 0
    trainer.fit(module, datamodule=data)
    row = {"words": " ".join(words), "batch": data.batch_size, "resolution": data.resolution}
    row |= {"precision": str(trainer.precision)} | taken.row()
    if validation is not None:
        began = read_clock()
        trainer.limit_val_batches = 1.0
        trainer.validate(module, datamodule=data, verbose=False)
        row |= {"val_images": len(validation), "val_s": round(read_clock() - began, 2)}
    return row


if __name__ == "__main__":
    run_measurement(__doc__, "train.py", measure)
