"""One line on a finished epoch."""

from diode_pl.training.epoch_line import describe_epoch


def entry(score: float | None, loss: float = 1.0) -> dict[str, float]:
    return {"loss/total": loss, "seconds": 2.0} | ({} if score is None else {"val/AP": 0.1, "val/AP50": score})


def test_the_best_epoch_is_marked() -> None:
    history = [entry(0.2), entry(0.4), entry(0.3)]
    said = [describe_epoch(history[:n], 9) for n in (1, 2, 3)]
    assert [" (best so far)" in line for line in said] == [True, True, False]
    assert said[2] == "epoch 3 of 9: loss 1, AP50 0.300, AP 0.100, 2.0 s"


def test_an_epoch_without_a_validation_has_no_score() -> None:
    assert describe_epoch([entry(0.2), entry(None, 0.51234)], 2) == "epoch 2 of 2: loss 0.5123, 2.0 s"
    assert "AP50 0.100 (best so far)" in describe_epoch([entry(None), entry(0.1)], 2)
