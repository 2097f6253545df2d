"""The examples in docstrings run; that of ``diode_pl/__init__.py`` takes longer and runs in ``test_api.py``."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import diode_pl

PACKAGE = Path(diode_pl.__file__).parent
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>>" in path.read_text("utf-8")]
MODULES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES]
MODULES.remove("diode_pl.__init__")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    module = import_module(name.removesuffix(".__init__"))
    runner, parser = doctest.DocTestRunner(), doctest.DocTestParser()
    # From the source: doctest's own finder overlooks functions that the type checks of a test run wrap.
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            title = getattr(node, "name", name)
            runner.run(parser.get_doctest(text, dict(vars(module)), title, module.__file__, node.body[0].lineno))
    assert runner.tries and not runner.failures
