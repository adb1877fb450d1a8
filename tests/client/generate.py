"""Generate `backtester/client/synchronous` from `asynchronous`: python -m tests.client.generate.

Regular expressions are enough, as in httpcore: the two differ in keywords and names only.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.stack_process import ROOT

ASYNCHRONOUS = ROOT / "backtester/client/asynchronous"
SYNCHRONOUS = ROOT / "backtester/client/synchronous"
HEADER = "# Generated from backtester/client/asynchronous/{}: edit that, then run `python -m tests.client.generate`.\n"
REPLACEMENTS = (
    (r"\b(async|await) ", ""),
    (r"\bAsync(?=[A-Z])|\basync_", ""),
    (r"\ba(closing|close|read|iter_bytes)\b", r"\1"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\basyncio\b", "time"),
    (r"\basynchronous\b", "synchronous"),
)
# Imports are sorted and merged, a loop that only yields becomes `yield from`.
FIXES = ("--select", "I,F811,UP028", "--config", "lint.isort.known-first-party=['backtester']")


def generated() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {SYNCHRONOUS / path.name: _synchronous(path) for path in sorted(ASYNCHRONOUS.glob("*.py"))}


def _synchronous(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    text = _ruff("check", "--fix-only", "--unsafe-fixes", "--quiet", *FIXES, text=text)
    return HEADER.format(path.name) + _ruff("format", "--quiet", text=text)


def _ruff(*arguments: str, text: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(SYNCHRONOUS / "stdin.py"), "-"]
    return subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
