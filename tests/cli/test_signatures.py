"""Values that no argument takes: every key of every entry point, with wrong values of every kind."""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from diode_pl.cli.errors import describe_error, typed_key
from diode_pl.cli.run import refuse_wrong
from diode_pl.cli.signatures import refuse_unlike_signatures
from tests.tiny_network import write_tiny_network

CONF = Path(__file__).resolve().parents[2] / "conf"
ENTRY_POINTS = ("synthesize", "train", "predict", "export")
WRONG = {"word": "banana", "nan": float("nan"), "infinite": float("inf"), "huge": 10**40, "list": [1, 2, 3]}
WRONG |= {"mapping": {"a": 1}, "null": None, "negative": -7, "fraction": 2.5, "empty": ""}
# Never right for a number; the others may be, such as null for a limit.
NEVER_A_NUMBER = ("word", "nan", "huge")
UNUSED = {"max_bad"}  # of sets that are read from files


@cache
def written(entry_point: str, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """A config as plain data, and the options that were chosen."""
    tiny = write_tiny_network(folder)
    (folder / "tiny.names").write_text("mug\nkey\n")
    cfg, names, weights = (str(folder / f"tiny.{suffix}") for suffix in ("cfg", "names", "weights"))
    other = ["detector=darknet", f"detector.cfg={cfg}", f"detector.names={names}", f"weights={weights}"]
    words = {
        "synthesize": [*tiny, "detector@verifier=none", "num_images=2", "batch_size=2"],
        "train": [*tiny, "detector@student=darknet", f"student.cfg={cfg}", "resolution=64", "distill=decoded"],
        "predict": [*other, f"source={folder}"],
        "export": other,
    }
    words["train"] += ["data@train=shapes", "data@val=shapes", "train.size=4", "val.size=2", "tiling=uniform"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(entry_point, words[entry_point], return_hydra_config=True)
    config.hydra.runtime.output_dir = str(folder)
    HydraConfig.instance().set_config(config)
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    choices = {group: str(option) for group, option in plain.pop("hydra")["runtime"]["choices"].items()}
    return plain, choices


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Keys that somebody may type, with their values; arguments that stand for another key are not typed."""
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            if name not in ("_target_", "_partial_"):
                yield from leaves(value, f"{key}.{name}".lstrip("."))
    elif not str(node).startswith("${"):
        yield key, node


def complaint(entry_point: str, folder: Path, key: str, value: Any, build: bool) -> str | None:
    """What is said of a value; None if nothing is."""
    plain, choices = written(entry_point, folder)
    changed = copy.deepcopy(plain)
    node: Any = changed
    *holders, last = key.split(".")
    for name in holders:
        node = node[int(name) if isinstance(node, list) else name]
    node[int(last) if isinstance(node, list) else last] = value
    try:
        config = OmegaConf.create(changed)
        settings = OmegaConf.to_container(config, resolve=True)
        refuse_unlike_signatures(changed, settings)
        refuse_wrong(settings)
        if build:
            instantiate(config.task, _convert_="object")
    except Exception as error:
        return describe_error(error, changed, choices)
    return None


def require_clear(said: str, key: str, plain: dict[str, Any]) -> None:
    whole = key.rpartition(".")[0] if key[-1].isdigit() else key  # of a list, the list
    assert whole in said or typed_key(whole, plain) in said, f"{key}: {said}"
    assert len(said) < 2000 and "Traceback" not in said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_what_is_no_number_is_refused_for_every_number(entry_point: str, folder: Path, unchecked: None) -> None:
    plain, _ = written(entry_point, folder)
    numbers = [key for key, value in leaves(plain) if isinstance(value, int | float) and key not in UNUSED]
    assert len(numbers) > 8
    for key in numbers:
        for kind in NEVER_A_NUMBER:
            said = complaint(entry_point, folder, key, WRONG[kind], build=False)
            assert said is not None, f"{key}={WRONG[kind]} is taken"
            require_clear(said, key, plain)


@pytest.mark.slow
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_every_complaint_names_its_key(entry_point: str, folder: Path, unchecked: None) -> None:
    plain, _ = written(entry_point, folder)
    count = 0
    for key, _ in leaves(plain):
        for value in WRONG.values():
            said = complaint(entry_point, folder, key, value, build=True)
            count += said is not None
            if said is not None:
                require_clear(said, key, plain)
    assert count > 100


def test_every_option_fits_the_arguments_of_its_classes() -> None:
    """What is not composed yet, such as interpolations, is left out."""

    def without(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: without(value) for key, value in node.items() if key != "defaults" and is_plain(value)}
        return [without(value) for value in node] if isinstance(node, list) else node

    def is_plain(value: Any) -> bool:
        return not isinstance(value, str) or not ("${" in value or value == "???")

    files = sorted(CONF.rglob("*.yaml"))
    assert len(files) > 80
    for file in files:
        plain = without(OmegaConf.to_container(OmegaConf.load(file)))
        refuse_unlike_signatures(plain, plain)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"tiles": True}, "tiling.tiles must be an integer, got true"),
        ({"tiles": 10**40}, r"tiling.tiles must be an integer, got .*, which is beyond 64 bits"),
        ({"tile": 4}, r"tiling.tile: Fixed has no argument tile; did you mean tiling.tiles\?"),
        ({"tiles": 4, "unheard": 1}, "tiling.unheard: Fixed has no argument unheard, only tiles"),
    ],
)
def test_arguments_of_a_class(node: dict[str, Any], said: str) -> None:
    config = {"tiling": {"_target_": "diode_pl.data.tiling.Fixed"} | node}
    with pytest.raises(ValueError, match=f"^{said}$"):
        refuse_unlike_signatures(config, config)


def test_lists_mappings_and_objects() -> None:
    def check(**settings: Any) -> None:
        config = {"data": {"_target_": "diode_pl.data.DetectionData"} | settings}
        refuse_unlike_signatures(config, config)

    flip = {"_target_": "diode_pl.augmentations.Flip"}
    check(multi_scale=[256, 416], augmentations={"flip": flip, "other": None}, train=None)
    with pytest.raises(ValueError, match=r"^data.multi_scale.1 must be an integer, got 'wide'$"):
        check(multi_scale=[256, "wide"])
    with pytest.raises(ValueError, match=r"^data.augmentations.flip must be an Augmentation or null, got 0.5$"):
        check(augmentations={"flip": 0.5})
    with pytest.raises(ValueError, match=r"^data.train must be an ImageSet or null, got 'photographs'$"):
        check(train="photographs")


def test_the_key_is_the_one_that_is_typed() -> None:
    config = {"tiling": {"_target_": "diode_pl.data.tiling.Fixed", "tiles": "${count}"}, "count": "many"}
    with pytest.raises(ValueError, match="^count must be an integer, got 'many'$"):
        refuse_unlike_signatures(config, {**config, "tiling": config["tiling"] | {"tiles": "many"}})
