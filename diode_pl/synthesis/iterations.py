"""Numbers of the iterations of a whole set."""

from diode_pl.synthesis.module import Inversion


def step_in_set(module: Inversion, iterations: int | None = None) -> int:
    """Iterations of the set up to now, in the order of its batches: the axis of all logs.

    It does not depend on which process makes a batch, nor on when: a set that is continued or grown goes on where it
    ended, which the number of steps of a trainer does not.

    Args:
        module: while it makes a batch.
        iterations: of the present stage that are done; None: all of them.

    Returns:
        At least 1 after the first iteration.
    """
    done = module.stage.steps(module.budget) if iterations is None else iterations
    return (module.batch or 0) * count_iterations(module) + count_iterations(module, module.stage_index) + done


def count_iterations(module: Inversion, stages: int | None = None) -> int:
    """Iterations of a batch in the first ``stages``; None: in all of them."""
    return sum(stage.steps(module.budget) for stage in module.stages[:stages])
