"""Options of groups in the text of `--help`, from the names and first lines of their files."""

import textwrap
from fnmatch import fnmatch

from omegaconf import OmegaConf

from diode_pl.cli.conf import CONF as _CONF

_WIDTH, _NAMES_COLUMN, _LINES_COLUMN = 120, 22, 36


def register_help(entry_point: str) -> None:
    """Registers the resolvers with which ``hydra.help.template`` of an entry point lists the options of groups.

    ``${option_names:GROUP,TITLE,TEXT,OTHERS}`` is a paragraph: a title, a text and the names of the options, except for
    those that match one of the patterns ``OTHERS``.
    ``${option_lines:GROUP,KEY,PATTERN}`` is a line ``KEY=NAME`` per matching option, with its description; ``*`` marks
    the default.
    """
    choices = OmegaConf.load(_CONF / f"{entry_point}.yaml").defaults
    defaults = {f"{group}={option}" for choice in choices if choice != "_self_" for group, option in choice.items()}

    def names(group: str, title: str, text: str, others: str = "") -> str:
        shown = [name for name in option_names(group) if not any(fnmatch(name, other) for other in others.split())]
        paragraph = f"{title:<{_NAMES_COLUMN - 2}}{text}: {', '.join(shown)}"
        indent = " " * _NAMES_COLUMN
        return textwrap.fill(paragraph, _WIDTH, initial_indent="  ", subsequent_indent=indent, break_on_hyphens=False)

    def lines(group: str, key: str, pattern: str = "*") -> str:
        matches = [name for name in option_names(group) if fnmatch(name, pattern)]
        options = {f"{key}={name}": describe_option(group, name) for name in matches}
        marks = {option: "*" if option in defaults else " " for option in options}
        return "\n".join(f"{f'{marks[o]} {o} ':<{_LINES_COLUMN}}{text}" for o, text in options.items())

    OmegaConf.register_new_resolver("option_names", names, replace=True)
    OmegaConf.register_new_resolver("option_lines", lines, replace=True)


def option_names(group: str) -> list[str]:
    """Lists the options of a group, a folder of ``conf/``; files that begin with ``_`` and subfolders are their parts.

    Experiments of tables are named from the folder of the tables.
    """
    folder = _CONF / group
    files = folder.rglob("*.yaml") if folder.name == "tables" else folder.glob("*.yaml")
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in files if file.name[0] != "_")


def describe_option(group: str, name: str) -> str:
    """Returns the first comment of an option's file that is neither its package nor its command."""
    lines = (_CONF / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    comments = (line.removeprefix("# ") for line in lines if line.startswith("# "))
    return next(line for line in comments if not line.startswith(("@package", "python ")))
