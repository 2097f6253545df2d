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
    steps = [stage.steps(module.budget) for stage in module.stages]
    done = steps[module.stage_index] if iterations is None else iterations
    return (module.batch or 0) * sum(steps) + sum(steps[: module.stage_index]) + done
