"""The wheel: what ``pip install`` leaves answers from any folder as the scripts of the checkout do."""

import configparser
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.command_line import ENVIRONMENT, ROOT

COMMANDS = ("synthesize", "train", "predict", "export")
# Every command in one process, as imports take longest; what each prints goes into one JSON list.
DRIVER = """
import contextlib, importlib, io, json, sys
shown = []
for command, module, function in json.loads(sys.argv[1]):
    for words in (["--help"], ["--cfg", "job"]):
        sys.argv, printed = [f"{command}.py", *words], io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            getattr(importlib.import_module(module), function)()
        shown.append(printed.getvalue())
import diode_pl
print(json.dumps([diode_pl.__file__, *shown]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, built from this checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index"]
    run = subprocess.run([*command, "--wheel-dir", str(folder)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "content")
    return folder / "content"


def printed(targets: list[tuple[str, str, str]], path: Path, cwd: Path) -> list[str]:
    command = [sys.executable, "-c", DRIVER, json.dumps(targets)]
    run = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT | {"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def test_it_holds_the_package_and_its_configuration(installed: Path) -> None:
    kept = {path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    there = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert {f"diode_pl/{name}" for name in kept} == {name for name in there if name.startswith("diode_pl/conf/")}
    assert "diode_pl/io/assets/yolov3_tiny_shapes.safetensors" in there
    templates = {f"diode_pl/report/page/templates/{name}" for name in ("page.html.j2", "style.css", "gallery.js")}
    assert templates <= there
    assert {name.split("/")[0].split("-")[0] for name in there} == {"diode_pl"}


def test_its_commands_equal_the_scripts_from_any_folder(installed: Path, tmp_path: Path) -> None:
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    parser = configparser.ConfigParser()
    parser.read(entry_points)
    scripts = dict(parser["console_scripts"])
    assert set(scripts) == {f"diode-{command}" for command in COMMANDS}
    commands = [(command, *scripts[f"diode-{command}"].split(":")) for command in COMMANDS]
    place, *of_wheel = printed(commands, installed, tmp_path)
    assert Path(place).is_relative_to(installed)
    place, *of_checkout = printed([(command, command, "main") for command in COMMANDS], ROOT, ROOT)
    assert Path(place).is_relative_to(ROOT)
    assert of_wheel == of_checkout and all(len(text) > 500 for text in of_wheel)
    assert not list(tmp_path.iterdir())
