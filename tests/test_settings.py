"""Every setting that can be given is documented, and the other way round."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_documented():
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "backtester/settings.py").read_text()))
    documented = set()
    for line in (ROOT / "docs/settings.md").read_text().splitlines():
        if line.startswith("| `"):
            documented |= set(re.findall(r"`(\w+)`", line.split("|")[1]))
    assert documented == read
