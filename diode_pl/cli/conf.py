"""Where the configuration lies."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "conf"

CONF = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "conf"
"""``conf/`` of the checkout, or its copy inside an installed package."""
