"""Folders of the jobs of a sweep."""

import pytest

from diode_pl.cli.job_folder import keep_fixed_words_out, name_job

FIXED = "hydra.job.config.override_dirname.exclude_keys="


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_what_all_jobs_share_is_kept_out(flag: str) -> None:
    words = ["+experiment=demo", "seed=0,1", "losses=[shares,detection]", "sampler.classes=[dog,cat],[dog]", flag]
    *kept, added, last = keep_fixed_words_out(words)
    assert [*kept, last] == words and added == f"{FIXED}['experiment','losses']"


def test_ranges_and_globs_differ_too() -> None:
    words = keep_fixed_words_out(["-m", "seed=range(3)", "distill=glob(*)", "budget=1.0"])
    assert words[-1] == f"{FIXED}['budget']"


def test_a_key_that_is_given_twice_differs_if_one_of_them_does() -> None:
    assert keep_fixed_words_out(["-m", "seed=5", "seed=0,1"])[-1] == f"{FIXED}[]"


@pytest.mark.parametrize("words", [["seed=0"], ["--cfg", "job"], ["-m"], ["-m", "--config-dir", "conf"]])
def test_without_a_sweep_nothing_is_added(words: list[str]) -> None:
    assert keep_fixed_words_out(words) == words


def test_names_are_what_differs_in_the_order_of_the_command() -> None:
    assert name_job(["seed=0", "num_images=8", "augmentations=none"], ["num_images"]) == "seed=0,augmentations=none"
    assert name_job(["seed=5", "budget=2", "seed=1"], ["budget"]) == "seed=1"
    assert name_job(["num_images=8"], ["num_images"]) == ""


def test_a_name_is_one_folder_whatever_the_values_are() -> None:
    values = ["runs/a", "runs_a", "/etc/x", "../up", "a b", "'q'", "x" * 300, "x" * 301, "…" * 200]
    names = [name_job([f"train.root={value}"], []) for value in values]
    assert len(set(names)) == len(names)
    assert all("/" not in name and len(name.encode()) <= 255 and not name.startswith(".") for name in names)
    assert name_job(["sampler.classes=[dog,cat]"], []) == "sampler.classes=[dog,cat]"


def test_a_seed_is_in_the_name_however_many_there_are() -> None:
    for seeds in ("0", "0,1"):
        *_, added = keep_fixed_words_out(["-m", "augmentations=all,none", f"seed={seeds}", "budget=1"])
        assert added == f"{FIXED}['budget']"
