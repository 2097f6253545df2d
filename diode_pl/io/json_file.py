"""Reading of JSON files."""

import json
from pathlib import Path
from typing import Any

from diode_pl.io.quoting import shorten
from diode_pl.io.text_files import read_text

_DIGITS = 400  # of integers that are read exactly; a float has 309 at most


def read_json(path: str | Path) -> Any:
    """Content of a JSON file in UTF-8, with or without a byte order mark; an integer of more digits is infinite.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not JSON.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.json")
        >>> _ = path.write_text('{"id": 5}', encoding="utf-8-sig")
        >>> read_json(path)
        {'id': 5}
    """
    try:
        # Python raises on integers of more than 4300 digits, which would make one bad number that of the whole file.
        return json.loads(read_text(path), parse_int=lambda text: int(text) if len(text) <= _DIGITS else float(text))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {shorten(str(error))}") from error
    except RecursionError:
        raise ValueError(f"{path} is not JSON that can be read: it is nested too deeply") from None
