"""The commands of docs/terminal.md, run as written."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from backtester.client import Client
from tests.support.doc_blocks import blocks
from tests.support.stack_process import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
BLOCKS = [block.text for block in blocks("docs/terminal.md", "sh")]


@pytest.mark.extended
def test_the_commands_do_what_the_page_says(stack, tmp_path):
    with Client(stack.url) as client:
        batch, other = (client.start("sma_cross", ["AAPL", "GE"], {"fast": [5, 10]}, fees=fees) for fees in (0, 0.01))
        batch.wait()
        other.wait()
    script = "\n".join(BLOCKS).replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        env=stack.environment | {"BATCH": batch.page_url, "OTHER": other.id},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,  # a dozen processes, one after the other
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    ends = [json.loads(line) for line in lines if line.startswith('{"type":"complete"') and line.endswith("}")]
    assert [event["total"] for event in ends[:1]] == [60]
    assert ends[-1]["sessionId"] == batch.id
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["best.csv", "results.parquet"]
    assert set(pd.read_csv(tmp_path / "best.csv")["symbol"]) == {"AAPL"}
    assert "Sharpe ratio" in done.stdout
    assert "Traceback" not in done.stderr
