"""The examples of docs/other-languages.md, run as they stand there."""

import json
import os
import subprocess
import sys

import pytest
from playwright._impl._driver import compute_driver_executable

from tests.stack.clients import body, start
from tests.support.doc_blocks import blocks

pytestmark = pytest.mark.stack
EXAMPLES = [(*block.info.split(), block.text) for block in blocks("docs/other-languages.md")]
ELSEWHERE = {"browser"}  # the page's own feed does the same, and has tests in browsers


def examples(language: str, tool: str) -> list[str]:
    """The code of each example for a tool."""
    return [code for *key, code in EXAMPLES if key == [language, tool]]


def run(argv: list[str], stack, session_id: str = "") -> str:
    """What an example prints."""
    environment = os.environ | {"BACKTESTER": stack.url, "SESSION": session_id}
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def session_id(stack) -> str:
    """A batch that runs while it is watched."""
    return str(start(stack, body())["sessionId"])


def test_no_example_is_forgotten():
    tools = {name for _, name, _ in EXAMPLES} - ELSEWHERE
    assert tools == {"curl", "websockets", "node", "httpx-sse"}
    assert len(examples("sh", "curl")) == 3


def test_a_batch_is_started_with_curl(stack):
    answer = json.loads(run(["sh", "-c", examples("sh", "curl")[0]], stack))
    assert answer["success"] is True
    assert answer["total"] == 4


@pytest.mark.parametrize("tool", ["websockets", "httpx-sse"])
def test_the_python_clients_see_the_batch_to_its_end(stack, session_id, tool):
    (code,) = examples("python", tool)
    lines = run([sys.executable, "-c", code], stack, session_id).splitlines()
    assert lines[0].startswith("connected")
    assert lines[-1].startswith("complete 100.0")


def test_the_javascript_client_sees_the_batch_to_its_end(stack, session_id):
    (code,) = examples("javascript", "node")
    lines = run([compute_driver_executable()[0], "--eval", code], stack, session_id).splitlines()
    assert lines[0].startswith("connected")
    assert lines[-1] == "complete 100"


def test_curl_reads_the_stream_and_the_snapshot(stack, session_id):
    _, stream, polling = examples("sh", "curl")
    text = run(["sh", "-c", stream], stack, session_id)
    assert "event: connected" in text
    assert text.count("event: complete") == 1
    assert json.loads(run(["sh", "-c", polling], stack, session_id))["type"] == "complete"
