import copy

import torch

from diode_pl.training.step_counter import StepCount


def test_counts_batches_of_training_alone() -> None:
    count = StepCount()
    assert [count(), count(), count.eval()(), count.train()()] == [1, 2, 2, 3] and count.steps == 3


def test_goes_on_after_a_resume_even_if_it_has_counted_already() -> None:
    count, other = StepCount(), torch.nn.Sequential(StepCount())
    for _ in range(5):
        count()
    other[0]()
    other.load_state_dict({f"0.{name}": value for name, value in count.state_dict().items()})
    assert other[0]() == count() == 6 == copy.deepcopy(count).eval()()
