"""Lighthouse (desktop) on every page: scores, largest contentful paint, layout shift, and what costs points.

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

from tests.browser.launching import FLAGS, browser_path
from tests.browser.steps import LONG, cancel
from tests.support.stack_process import ROOT, StackProcess, until

COMMAND = ROOT / "var" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices")
SMALL = {"strategy": "sma_cross", "parameterRanges": {"fast": [5, 10, 20], "slow": [50, 100, 200]}}
SYMBOLS = {"symbols": ["AAPL", "GE", "KO", "MSFT"]}
COMPILING_S = 600  # the first start on a busy machine


def main() -> None:
    """Start a stack with a batch at work and ones that have ended; measure each page."""
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as folder:
        stack = StackProcess(Path(folder) / "data", WORKERS="1").start()
        try:
            until(stack.is_ready, "the stack", seconds=COMPILING_S)
            measure(stack, Path(folder))
        finally:
            stack.end()


def measure(stack: StackProcess, folder: Path) -> None:
    """Print a line for each page, the running batch last."""
    results, other = start(stack, SMALL | SYMBOLS), start(stack, SMALL | SYMBOLS | {"fees": 0.01})
    for batch in (results, other):
        until(lambda batch=batch: status(stack, batch) == "complete", "the end of a small batch")  # type: ignore[misc]
    httpx.get(f"{results}verdict/")
    ids = [page.rstrip("/").rpartition("/")[2] for page in (results, other)]
    pages = {
        "form": "/",
        "batches": "/batches/",
        "comparison": f"/batches/compare/?batch={ids[0]}&batch={ids[1]}",
        "question before deleting": f"/batches/delete/?batch={ids[1]}",
        "results": f"/batches/{ids[0]}/",
        "combination": f"/batches/{ids[0]}/results/4/",
        "heatmap as a table": f"/batches/{ids[0]}/heatmap/",
        "parallel lines": f"/batches/{ids[0]}/parallel/",
        "distribution": f"/batches/{ids[0]}/spread/",
        "verdict": f"/batches/{ids[0]}/verdict/",
        "prices": "/prices/",
        "archived instruments": "/prices/?archived=1",
        "instrument": "/prices/of/AAPL/",
        "API": "/api/docs",
        "admin": "/admin/",
        "admin, batches": "/admin/batches/batchsession/",
        "admin, one batch": f"/admin/batches/batchsession/{ids[0]}/change/",
    }
    for name, path in pages.items():
        score(name, stack.url + path, folder)
    running = start(stack, LONG)
    score("running batch", running, folder)
    cancel(stack, running)


def start(stack: StackProcess, body: dict[str, Any]) -> str:
    """The address of the page of a new batch."""
    return stack.url + str(httpx.post(f"{stack.url}/api/backtest/batch", json=body).json()["pageUrl"])


def status(stack: StackProcess, page: str) -> str:
    """Where the batch of that page stands."""
    session_id = page.rstrip("/").rpartition("/")[2]
    return str(httpx.get(f"{stack.url}/api/backtest/batch/{session_id}").json()["status"])


def score(name: str, url: str, folder: Path) -> None:
    """Print the scores of one page, and every audit that it does not pass in full."""
    node, _ = compute_driver_executable()
    report = folder / "report.json"
    command = [
        node, str(COMMAND), url, "--quiet", "--preset=desktop", "--output=json", f"--output-path={report}",
        f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags={' '.join(FLAGS)}",
    ]  # fmt: skip
    environment = os.environ | {"CHROME_PATH": browser_path() or ""}
    subprocess.run(command, check=True, env=environment, timeout=240)
    answer = json.loads(report.read_text())
    scores = {category: round((answer["categories"][category]["score"] or 0) * 100) for category in CATEGORIES}
    audits = answer["audits"]
    paint, shift = (
        audits[audit].get("numericValue", 0) for audit in ("largest-contentful-paint", "cumulative-layout-shift")
    )
    words = "  ".join(f"{category} {value}" for category, value in scores.items())
    print(f"{name:25} {words}  LCP {paint:.0f} ms  CLS {shift:.3f}", flush=True)
    for category in CATEGORIES:
        for reference in answer["categories"][category]["auditRefs"]:
            audit = audits[reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                print(f"    {category}: {audit['title']} {audit.get('displayValue', '')} ({audit['score']:.2f})")


if __name__ == "__main__":
    main()
