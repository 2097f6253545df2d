"""A page in a browser without a window: what its script finds, and what the console says."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(page: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What the driver found, and what the browser said on its console."""
    if BROWSER is None:
        pytest.skip("needs Chromium")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--log-level=0"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=4000", *options, "--dump-dom"]
    run = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.S)
    assert found is not None and found[1], run.stderr[-2000:]
    return json.loads(html.unescape(found[1])), "\n".join(re.findall(r".*CONSOLE.*", run.stderr))
