"""Darknet network definitions: a list of sections, read from a .cfg file or written in code."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diode_pl.io.quoting import quote, shorten


class ConfigError(ValueError):
    """An invalid network definition or weight file."""


@dataclass(frozen=True)
class Section:
    """One ``[kind]`` of a network definition with its ``key=value`` lines.

    Args:
        kind: the word in brackets, such as ``convolutional``.
        options: value of each key, as text.
        file: its file, for error messages.
        number: position as ``route`` and ``shortcut`` count: -1 for ``[net]``, 0 for the section after it.
        line: line of ``[kind]`` in the file, from 1; 0 for a section in code.
        lines: line of each key.
        repeated: line and value of each key that stands again with another value.
    """

    kind: str
    options: Mapping[str, str] = field(default_factory=dict)
    file: str = "network"
    number: int = -1
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def error(self, found: str, expected: str, key: str | None = None) -> ConfigError:
        """An error that names the section, and the line of ``key``."""
        line = self.lines.get(key or "", self.line)
        place = f"{self.file}, section {self.number} [{shorten(self.kind, 80)}]" + (f", line {line}" if line else "")
        if key is not None and key in self.options:
            place += f", {key}={shorten(self.options[key], 80)}"
        return ConfigError(f"{place}: {shorten(found)}; expected {expected}")

    def text(self, key: str, default: str | None = None) -> str:
        """Value of ``key``, which is required without a default."""
        value = self.options.get(key, default)
        if value is None:
            raise self.error(f"no key {key!r}", f"a line {key}=...")
        return value

    def floats(self, key: str) -> list[float]:
        """Comma-separated numbers of ``key``."""
        parts = [part for part in self.text(key).split(",") if part.strip()]
        try:
            values = [float(part) for part in parts]
        except ValueError:
            raise self.error("not a list of numbers", "numbers separated by commas", key) from None
        if not all(map(math.isfinite, values)):
            raise self.error("not finite", "finite numbers separated by commas", key)
        return values

    def ints(self, key: str) -> list[int]:
        """Comma-separated integers of ``key``."""
        values = self.floats(key)
        if not all(value.is_integer() for value in values):
            raise self.error("not whole numbers", "whole numbers separated by commas", key)
        return [int(value) for value in values]

    def number_of(self, key: str, default: float | None = None) -> float:
        """Number of ``key``."""
        if key not in self.options and default is not None:
            return default
        values = self.floats(key)
        if len(values) != 1:
            raise self.error(f"{len(values)} numbers", "one number", key)
        return values[0]

    def int_of(self, key: str, default: int | None = None, at_least: int = 0) -> int:
        """Integer of ``key``, which must be >= ``at_least``."""
        value = self.number_of(key, None if default is None else float(default))
        if not value.is_integer() or value < at_least:
            raise self.error(f"{value:g}", f"a whole number of at least {at_least}", key)
        return int(value)


def read_cfg(path: str | Path) -> list[Section]:
    """Reads a Darknet .cfg file; the first section is ``[net]``.

    Raises:
        ConfigError: if a line is not ``[kind]``, ``key=value``, a comment or empty, or the file is in UTF-16.
    """
    file, sections = Path(path), list[Section]()
    data = file.read_bytes()
    if 0 in data:
        raise ConfigError(f"{file}: found a zero byte at {data.find(0)}, as in UTF-16; expected a text in UTF-8")
    # Comments may be in any encoding. Files that were joined have a byte order mark inside.
    content = data.decode("utf-8", errors="replace").replace("\ufeff", "")
    for line, raw in enumerate(content.splitlines(), start=1):
        text = raw.split("#")[0].split(";")[0].strip()
        if not text:
            continue
        if text.startswith("["):
            if not text.endswith("]"):
                raise ConfigError(f"{file}, line {line}: found {quote(text)}; expected [kind]")
            sections.append(Section(text[1:-1].strip(), {}, str(file), len(sections) - 1, line, {}))
            continue
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not sections:
            raise ConfigError(f"{file}, line {line}: found {quote(text)}; expected key=value inside a [kind]")
        last = sections[-1]
        if last.options.get(key, value) != value:  # check_section refuses it where it matters
            sections[-1] = replace(last, repeated={**last.repeated, key: (line, value)})
            continue
        sections[-1] = replace(last, options={**last.options, key: value}, lines={**last.lines, key: line})
    return number_sections(sections, str(file))


def number_sections(sections: Sequence[Section], name: str) -> list[Section]:
    """Numbers sections, names them for error messages, and checks that ``[net]`` is the first."""
    kinds = [section.kind for section in sections]
    if len(sections) < 2 or kinds[0] not in ("net", "network"):
        found = f"[{shorten(kinds[0], 80)}] and {len(kinds) - 1} more sections" if kinds else "no section"
        raise ConfigError(f"{name}: found {found}; expected [net] and then at least one layer")
    return [replace(section, number=i - 1, file=name) for i, section in enumerate(sections)]
