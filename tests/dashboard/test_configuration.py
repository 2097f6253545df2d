"""A configuration for people."""

from diode_pl.dashboard.configuration import drop_repeats, flatten


def test_what_repeats_a_group_is_left_out_and_all_else_stays() -> None:
    teacher, losses = {"name": "yolo", "width": 1}, {"a": {"weight": 1.0}}
    config = {"teacher": teacher, "losses": losses, "seed": 0, "augmentations": {}}
    config |= {"inversion": {"teacher": dict(teacher), "losses": dict(losses), "seed": 0}}
    config |= {"task": {"inversion": config["inversion"], "_target_": "x"}}
    kept = drop_repeats(config)
    assert kept["teacher"] == teacher and kept["losses"] == losses and kept["augmentations"] == {}
    assert kept["inversion"] == {"seed": 0} and kept["task"] == {"_target_": "x"}


def test_two_groups_that_are_alike_both_stay() -> None:
    config = {"teacher": {"name": "yolo"}, "verifier": {"name": "yolo"}}
    assert drop_repeats(config) == config


def test_a_table_holds_every_value() -> None:
    flat = dict(flatten({"a": {"b": {"c": True}}, "list": [{"x": 1}], "none": None, "empty": {}, "text": "t"}))
    assert flat == {"a.b.c": True, "list": '[{"x": 1}]', "none": "null", "empty": "{}", "text": "t"}
