"""What `--help` of the entry points prints."""

import re
import string
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from diode_pl.cli.help import register_help

CONF = Path(__file__).resolve().parents[2] / "conf"
ENTRY_POINTS = ("synthesize", "train", "predict", "export")
# Both have one option, for its own entry point.
LEFT_OUT = {"callbacks", "trainer"}
OF_TRAINING = {("synthesize", "augmentations"): {"student", "strong"}}
# Words in keys that stand for others, with what they stand for.
PLACES = {
    "losses.NAME": "losses.detection",
    "distill.NAME": "distill.mimic",
    "augmentations.NAME": "augmentations.flip",
}
PLACES |= {"stages.I.": "stages.0."}


def groups(entry_point: str) -> list[str]:
    choices = OmegaConf.load(CONF / f"{entry_point}.yaml").defaults
    ours = [
        choice for choice in choices if choice != "_self_" and not any(key.startswith("override ") for key in choice)
    ]
    return [group for choice in ours for group in choice if group not in LEFT_OUT]


GROUPS = [(entry_point, group) for entry_point in ENTRY_POINTS for group in groups(entry_point)]
GROUPS.append(("train", "classifier"))  # a part of one task


def options(group: str) -> set[str]:
    folder = CONF / group.partition("@")[0]
    return {path.stem for path in folder.glob("*.yaml") if path.name[0] != "_"}


@cache
def printed(entry_point: str) -> str:
    register_help(entry_point)
    return string.Template(OmegaConf.load(CONF / f"{entry_point}.yaml").hydra.help.template).substitute()


@cache
def composed(entry_point: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(entry_point, overrides=[])


def has(node: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    if isinstance(node, list) and first.isdigit():
        return has(node[int(first)], rest)
    return isinstance(node, dict) and first in node and (not rest or has(node[first], rest))


def is_key(key: str, entry_point: str) -> bool:
    """Whether a config has it: the default one, or one with another option of the group that it is of."""
    package, _, rest = key.partition(".")
    folder = {"teacher": "detector", "student": "detector", "train": "data", "val": "data"}.get(package, package)
    configs = [(key, composed(entry_point))]
    configs += [(k, OmegaConf.load(p)) for p in (CONF / folder).glob("*.yaml") for k in (key, rest)]
    return any(has(OmegaConf.to_container(config), k) for k, config in configs)


def paragraph(entry_point: str, group: str) -> str:
    """What the help says of a group: its paragraph, with the lines below that go on, or its lines ``GROUP=NAME``."""
    lines = printed(entry_point).partition("\nGroups")[2]
    return "\n".join(re.findall(rf"^[* ] {re.escape(group)}[ =].*(?:\n {{22}}.*)*", lines, re.MULTILINE))


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_it_fits_a_page(entry_point: str) -> None:
    head, _, listed = printed(entry_point).partition("\nGroups")
    others = [line for line in listed.splitlines() if not re.match(r"[* ] [+\w@]+=", line)]
    assert len(head.splitlines()) + len(others) <= 48  # without the line of each option, which a new one brings along
    assert max(map(len, printed(entry_point).splitlines())) <= 120


@pytest.mark.parametrize(("entry_point", "group"), GROUPS)
def test_it_names_every_option(entry_point: str, group: str) -> None:
    said = paragraph(entry_point, group)
    if said.endswith("the same names"):
        said = paragraph(entry_point, next(g for e, g in GROUPS if e == entry_point and g[:5] == group[:5]))
    left_out = OF_TRAINING.get((entry_point, group), set())
    named = set(re.split(r"[\s=:,]+", said))
    assert options(group) - left_out <= named and not left_out & named


@pytest.mark.parametrize("entry_point", ["synthesize", "train"])
def test_it_names_every_experiment(entry_point: str) -> None:
    folder = CONF / "experiment" / entry_point
    names = {p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml") if p.name[0] != "_"}
    assert {n.removeprefix("tables/").removeprefix("rows/") for n in names} <= set(
        re.split(r"[\s=:,]+", paragraph(entry_point, "+experiment"))
    )


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_it_names_nothing_that_there_is_not(entry_point: str) -> None:
    known = {group: options(group) for group in groups(entry_point)}
    known["+experiment"] = options(f"experiment/{entry_point}")
    said = re.findall(r"([+\w@.]+)=([^\s;]+)", re.sub(r"\[\w+=\w+ \.\.\.\]", "", printed(entry_point)))
    assert len(said) > (25 if entry_point in ("synthesize", "train") else 12)
    for key, value in said:
        if key in known:
            assert set(re.split(r"[\[\],.:']+", value)) - {"", "NAME"} <= known[key], f"{key}={value}"
        else:
            for place, real in PLACES.items():
                key = key.replace(place, real)
            assert is_key(key, entry_point), key


@pytest.mark.parametrize("entry_point", ["synthesize", "train"])
def test_a_line_says_all_that_an_option_is(entry_point: str) -> None:
    described = re.findall(r"^[* ] [+\w@/]+=\S+ +(.*)$", printed(entry_point).partition("\nGroups")[2], re.MULTILINE)
    assert len(described) > 8 and all(text.endswith(".") for text in described)
