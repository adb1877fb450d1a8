"""What the page of a combination offers to copy does what it says, as it stands."""

import json
import re
import subprocess
import sys
from html import unescape

import httpx
import pytest

from tests.stack.clients import body, start, watch_websocket

pytestmark = [pytest.mark.stack]


def snippets_of(stack, session_id, index):
    """The texts by their titles."""
    page = httpx.get(f"{stack.url}/batches/{session_id}/results/{index}/").text
    return {
        title: unescape(text)
        for title, text in re.findall(
            r'class="snippet"><h3>(.*?)</h3>.*?<pre tabindex="0">(.*?)</pre>', page, re.DOTALL
        )
    }


@pytest.mark.extended
async def test_each_snippet_runs_and_gives_the_recorded_numbers(stack):
    session_id = start(stack, body(symbols=["AAPL", "GE"], fees=0.001, startDate="2010-01-04"))["sessionId"]
    await watch_websocket(stack, session_id)
    snippets = snippets_of(stack, session_id, 321)
    fetched = json.loads(subprocess.check_output(["sh", "-c", snippets["Fetch this result"]]))
    assert fetched["index"] == 321
    answer = json.loads(subprocess.check_output(["sh", "-c", snippets["Run only this combination"]]))
    assert answer["total"] == 1
    await watch_websocket(stack, answer["sessionId"])
    alone = httpx.get(f"{stack.url}/api/backtest/batch/{answer['sessionId']}/results").json()["results"][0]
    assert alone == alone | {"symbol": fetched["symbol"], "parameters": fetched["parameters"]} | fetched["metrics"]
    code = snippets["Python client"] + "\nprint('final', repr(float(batch.results()['finalEquity'].iloc[0])))"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert float(printed.rpartition("final ")[2]) == fetched["metrics"]["finalEquity"]
