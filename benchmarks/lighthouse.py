"""Lighthouse (desktop) on the form, a running batch and its results: scores, and what costs points.

    make bench-lighthouse

Lighthouse comes from npm into var/, and runs on the Node.js of Playwright's wheel: it wants a newer one than many
machines have.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright._impl._driver import compute_driver_executable

from tests.browser.launching import browser_path
from tests.browser.steps import LONG, cancel
from tests.support.stack_process import ROOT, StackProcess, until

COMMAND = ROOT / "var" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices")
SMALL = {"strategy": "sma_cross", "parameterRanges": {"fast": [5, 10, 20], "slow": [50, 100, 200]}}
SYMBOLS = {"symbols": ["AAPL", "GE", "KO", "MSFT"]}


def main() -> None:
    """Start a stack with a batch at work and one that has ended; look at each page."""
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as folder:
        stack = StackProcess(Path(folder) / "data", WORKERS="1").start().wait_until_ready()
        try:
            form = f"{stack.url}/"
            results = start(stack, SMALL | SYMBOLS)
            until(lambda: status(stack, results) == "complete", "the end of a small batch")
            look("form", form, Path(folder))
            look("results", results, Path(folder))
            running = start(stack, LONG)
            look("running batch", running, Path(folder))
            cancel(stack, running)
        finally:
            stack.end()


def start(stack: StackProcess, body: dict[str, Any]) -> str:
    """The address of the page of a new batch."""
    return stack.url + str(httpx.post(f"{stack.url}/api/backtest/batch", json=body).json()["pageUrl"])


def status(stack: StackProcess, page: str) -> str:
    """Where the batch of that page stands."""
    session_id = page.rstrip("/").rpartition("/")[2]
    return str(httpx.get(f"{stack.url}/api/backtest/batch/{session_id}").json()["status"])


def look(name: str, url: str, folder: Path) -> None:
    """Print the scores of one page, and every audit that it does not pass in full."""
    node, _ = compute_driver_executable()
    report = folder / "report.json"
    command = [
        node, str(COMMAND), url, "--quiet", "--preset=desktop", "--output=json", f"--output-path={report}",
        f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ]  # fmt: skip
    environment = os.environ | {"CHROME_PATH": browser_path() or ""}
    subprocess.run(command, check=True, env=environment, timeout=240)
    found = json.loads(report.read_text())
    scores = {each: round((found["categories"][each]["score"] or 0) * 100) for each in CATEGORIES}
    print(f"{name:15}", "  ".join(f"{each} {score}" for each, score in scores.items()), flush=True)
    for each in CATEGORIES:
        for reference in found["categories"][each]["auditRefs"]:
            audit = found["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                print(f"    {each}: {audit['title']} {audit.get('displayValue', '')} ({audit['score']:.2f})")


if __name__ == "__main__":
    main()
