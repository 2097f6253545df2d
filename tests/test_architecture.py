"""The laws of the house (CONTRIBUTING.md), those that a program can check; import-linter checks the floors."""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import OmegaConf
from packaging.requirements import Requirement

import diode_pl

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, CONF = ROOT / "diode_pl", ROOT / "conf"
ENTRY_POINTS = ("synthesize", "train", "predict", "export")

# Where the classes of a group of ours live; the other groups name third-party classes.
HOMES = {
    "accept": "data.accept",
    "augmentations": "augmentations",
    "callbacks": "synthesis.callbacks",
    "classifier": "classifier",
    "data": "data.readers",
    "detector": "detector",
    "distill": "distillation.losses",
    "initializer": "synthesis.initializer",
    "label_source": "data.pseudo_labels",
    "logger": "dashboard",
    "losses": "synthesis.losses",
    "sampler": "synthesis.sampler",
    "schedule": "synthesis.schedule",
    "tiling": "data.tiling",
    "trainer": "training.trainer",
}
OUR_GROUPS = set(HOMES)
THIRD_PARTY_GROUPS = {"optimizer", "scheduler"}
OVERLAYS = {"experiment", "task"}
# What a group of ours may name beside its own folder, as prefixes: what a library does well, we do not write.
FOREIGN_TARGETS = {
    # weights that come with the package; networks that torchvision builds; a detector that a data set records
    "detector": ("diode_pl.io.assets.", "torchvision.models.detection.", "diode_pl.cli.load_recorded_teacher"),
    "callbacks": ("pytorch_lightning.callbacks.", "diode_pl.training.", "diode_pl.distillation.callbacks."),
    "data": ("diode_pl.shapes.", "diode_pl.data.held_out."),
    "logger": ("pytorch_lightning.loggers.",),
    "losses": ("diode_pl.synthesis.loss_weighting.",),  # a preset says what its weights are
    "schedule": ("diode_pl.synthesis.growth.",),  # a stage may grow the targets
    "trainer": ("diode_pl.synthesis.trainer.",),
}
# A detector, stage or student may carry a recipe of how to build its optimizer.
PARTIAL_TARGETS = ("torch.optim.",)
HYDRA_KEYS = {"_target_", "_partial_", "_args_", "_convert_", "_recursive_"}

# Modules without a test of their name, with what tests them instead.
API, DRAWING = "part of the Python API: test_api.py", "every scene of tests/shapes shows it"
TESTED_ELSEWHERE = {
    "cli/conf": "test_wheel.py, and every run of an entry point",
    "cli/entry_points": "likewise",
    "detector/loading": API,
    "detector/torchvision/fcos": "with all detectors: tests/detector/catalog, test_against_torchvision.py",
    "detector/torchvision/retinanet": "likewise",
    "distillation/losses/dicod/classifier_teacher": "an interface; tests of the two classes that serve as one",
    "distillation/student": API,
    "shapes/backdrop": DRAWING,
    "shapes/far_objects": DRAWING,
    "shapes/form": DRAWING,
    "shapes/objects": DRAWING,
    "shapes/outline": DRAWING,
    "shapes/sprite": DRAWING,
    "synthesis/images": API,
}

MAX_LINES = 220
MAX_ENTRY_POINT_LINES = 29
NO_NOUNS = {"util", "utils", "tool", "tools", "helper", "helpers", "common", "misc"}


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def entry_points() -> list[Path]:
    """The entry points that exist."""
    return [path for name in ENTRY_POINTS if (path := ROOT / f"{name}.py").is_file()]


@functools.cache
def parse(path: Path) -> ast.Module:
    """Syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    """Path from the root and line, as an editor takes it."""
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def yaml_files(group: str | None = None) -> list[Path]:
    """Every YAML under conf/, or of one group."""
    return sorted((CONF / group if group else CONF).rglob("*.yaml"))


def targets(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping with a ``_target_`` inside a config, with where it stands."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield path or "top", node
        for key, value in node.items():
            yield from targets(value, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from targets(value, f"{path}[{i}]")


def plain(config: Any) -> Any:
    """A config as dicts and lists, interpolations left as they are written."""
    return OmegaConf.to_container(config, resolve=False)


def signature_faults(node: dict[str, Any]) -> list[str]:
    """How the keys of one ``_target_`` differ from what it takes."""
    try:
        target = get_object(node["_target_"])
    except Exception as error:  # Hydra hands on whatever the import raised
        return [f"cannot be found: {error}"]
    parameters: Mapping[str, inspect.Parameter] = inspect.signature(target).parameters
    kinds = inspect.Parameter
    named = {k: p for k, p in parameters.items() if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)}
    keys = {key for key in node if key not in HYDRA_KEYS}
    faults = []
    if not any(p.kind is kinds.VAR_KEYWORD for p in parameters.values()):
        faults += [f"has no parameter {key!r}" for key in sorted(keys - set(named))]
    # The caller of a partial passes the rest; what only an entry point knows is written as ???.
    if not node.get("_partial_"):
        by_position = len(node.get("_args_", []))
        required = [k for k, p in list(named.items())[by_position:] if p.default is kinds.empty]
        faults += [f"needs {key!r}" for key in required if key not in keys]
    return faults


def mirror_faults(config: Any, name: str) -> list[str]:
    """Faults of every ``_target_`` in a config, for the message of an assertion."""
    return [f"{name} {at}: {node['_target_']} {f}" for at, node in targets(config) for f in signature_faults(node)]


def compose_all(requests: list[tuple[str | None, list[str]]]) -> Any:
    """The first of several ``(config name, overrides)`` that Hydra composes.

    Raises:
        ExceptionGroup: none of them composes; holds why not.
    """
    errors = []
    for config_name, overrides in requests:
        try:
            with initialize_config_dir(str(CONF), version_base="1.3"):
                return plain(compose(config_name, overrides))
        except HydraException as error:
            errors.append(error)
    raise ExceptionGroup(f"composes in no way: {requests}", errors)


def imports(path: Path) -> Iterator[tuple[ast.Import | ast.ImportFrom, str, list[str]]]:
    """Every import of a file, inside functions too: where, module, names taken from it."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or ""), [alias.name for alias in node.names]


def is_private(name: str) -> bool:
    """Whether a name starts with one underscore."""
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


# ---------------------------------------------------------------- laws on code


def test_hydra_stops_at_the_door() -> None:
    faults = [
        f"{place(path, node)} imports {module}"
        for path in sources()
        if path.parent != PACKAGE / "cli"
        for node, module, _ in imports(path)
        if module.split(".")[0] in ("hydra", "omegaconf")
    ]
    assert not faults


def test_nothing_is_looked_up_by_eval() -> None:
    faults = [
        f"{place(path, node)} calls {node.func.id}"
        for path in sources() + entry_points()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")
    ]
    assert not faults


def test_no_private_name_of_a_framework_is_used() -> None:
    faults = []
    for path in sources() + entry_points():
        foreign = set()  # names in this file that stand for something of another project
        for node, module, names in imports(path):
            if module.startswith(".") or module.split(".")[0] == "diode_pl":
                continue
            faults += [f"{place(path, node)} imports {n}" for n in (*module.split("."), *names) if is_private(n)]
            foreign |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                root: ast.expr = node.value
                while isinstance(root, ast.Attribute):
                    root = root.value
                if isinstance(root, ast.Name) and root.id in foreign:
                    faults.append(f"{place(path, node)} uses {ast.unparse(node)}")
    assert not faults


def test_every_folder_of_the_package_is_a_package() -> None:
    faults = sorted({place(path.parent) for path in sources() if not (path.parent / "__init__.py").is_file()})
    assert not faults, "without __init__.py neither the floors nor the wheel see them"


def test_a_file_holds_one_idea() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert not [f"{place(path)}: {n} lines, at most {MAX_LINES}" for path, n in lengths.items() if n > MAX_LINES]


def test_every_module_has_a_test_of_its_name() -> None:
    """What stands between folders is ``base``, and ``none`` stands for nothing."""
    modules = {path.relative_to(PACKAGE).with_suffix("") for path in sources()}
    modules = {path for path in modules if path.name not in ("__init__", "none") and not path.name.startswith("base")}
    bare = {m.as_posix() for m in modules if not (ROOT / "tests" / m.parent / f"test_{m.name}.py").is_file()}
    assert not bare - TESTED_ELSEWHERE.keys(), "without a test of its name"
    assert not TESTED_ELSEWHERE.keys() - bare, "no longer an exception"


def test_tests_import_nothing_from_each_other() -> None:
    faults = [
        f"{place(path, node)} imports {module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node, module, names in imports(path)
        if any(part.startswith("test_") for part in (*module.split("."), *names) if module.split(".")[0] == "tests")
    ]
    assert not faults, "what tests share stands in a file of its own"


def test_entry_points_stay_short() -> None:
    texts = {path: path.read_text(encoding="utf-8").splitlines() for path in entry_points()}
    lengths = {path: sum(bool(line.strip()) for line in lines) for path, lines in texts.items()}
    assert not [f"{place(path)}: {n} lines" for path, n in lengths.items() if n > MAX_ENTRY_POINT_LINES]


def test_every_file_has_a_noun() -> None:
    folders = [ROOT / name for name in ("diode_pl", "conf", "tests", "benchmarks", "docs")]
    paths = [p for folder in folders for p in folder.rglob("*") if "__pycache__" not in p.parts]
    paths += [p for p in ROOT.iterdir() if not p.name.startswith(".")]
    assert not [place(p) for p in paths if NO_NOUNS & set(re.split(r"[_.\-]", p.name.lower()))]


def public_methods_without_docstring(cls: type, node: ast.ClassDef) -> list[ast.AST]:
    """Public methods that neither say what they do nor continue what a base class says."""
    bases = cls.__mro__[1:]
    return [
        method
        for method in node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and not method.name.startswith("_")
        and not ast.get_docstring(method)
        and not any(getattr(vars(base).get(method.name), "__doc__", None) for base in bases)
        and not any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in method.decorator_list)
    ]


def test_everything_public_says_what_it_does() -> None:
    faults = []
    for info in pkgutil.walk_packages(diode_pl.__path__, "diode_pl."):
        module = importlib.import_module(info.name)
        path = Path(inspect.getfile(module))
        for node in parse(path).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name[0] == "_":
                continue
            bare: list[Any] = [] if ast.get_docstring(node) else [node]
            if isinstance(node, ast.ClassDef):
                bare += public_methods_without_docstring(getattr(module, node.name), node)
            faults += [f"{place(path, n)} {n.name} has no docstring" for n in bare]
    assert not faults


# ---------------------------------------------------------------- laws on what is installed


def test_lock_holds_versions_only_and_all_that_we_ask_for() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[^\s/:@]+( ; [^/:@]+)?", line)]
    locked = [Requirement(line) for line in lines]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    faults = []
    asked_for = sum(project["optional-dependencies"].values(), project["dependencies"])
    for asked in map(Requirement, asked_for):
        versions = [next(iter(found.specifier)).version for found in locked if found.name == asked.name]
        if not versions or not all(asked.specifier.contains(v) for v in versions):
            faults.append(f"{asked} against {versions}: make lock")
    assert not faults


# ---------------------------------------------------------------- laws on conf/


def test_groups_are_known_and_hold_only_yaml() -> None:
    files = [p for p in CONF.rglob("*") if p.is_file()]
    assert not [place(p) for p in files if p.suffix != ".yaml"]
    groups = {p.relative_to(CONF).parts[0] for p in files if p.parent != CONF}
    assert groups <= OUR_GROUPS | THIRD_PARTY_GROUPS | OVERLAYS
    homes = {group: PACKAGE / home.replace(".", "/") for group, home in HOMES.items()}
    assert not [group for group, path in homes.items() if not path.is_dir() and not path.with_suffix(".py").is_file()]


def test_a_group_holds_classes_of_its_home() -> None:
    faults = []
    for group in sorted(OUR_GROUPS):
        allowed = (f"diode_pl.{HOMES[group]}.", *FOREIGN_TARGETS.get(group, ()))
        for path in yaml_files(group):
            for at, node in targets(plain(OmegaConf.load(path))):
                prefixes = allowed + PARTIAL_TARGETS if node.get("_partial_") else allowed
                if not node["_target_"].startswith(prefixes):
                    faults.append(f"{place(path)} {at}: {node['_target_']} is not in diode_pl.{HOMES[group]}")
    assert not faults


def test_third_party_groups_hold_third_party_classes() -> None:
    faults = [
        f"{place(path)} {at}: {node['_target_']}"
        for group in sorted(THIRD_PARTY_GROUPS)
        for path in yaml_files(group)
        for at, node in targets(plain(OmegaConf.load(path)))
        if node["_target_"].startswith("diode_pl.")
    ]
    assert not faults


@pytest.mark.parametrize("group", sorted(OUR_GROUPS | THIRD_PARTY_GROUPS))
def test_yaml_mirrors_constructor(group: str) -> None:
    faults = []
    for path in yaml_files(group):
        name = path.relative_to(CONF / group).with_suffix("").as_posix()
        faults += mirror_faults(compose_all([(None, [f"+{group}={name}"])]), place(path))
    assert not faults


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_point_yaml_mirrors_constructors(name: str) -> None:
    if (CONF / f"{name}.yaml").is_file():
        assert not mirror_faults(compose_all([(name, [])]), f"conf/{name}.yaml")


def test_experiments_mirror_constructors() -> None:
    faults = []
    for path in yaml_files("experiment"):
        name = path.relative_to(CONF / "experiment").with_suffix("").as_posix()
        entry_point = name.partition("/")[0]
        faults += mirror_faults(compose_all([(entry_point, [f"+experiment={name}"])]), place(path))
    assert not faults
