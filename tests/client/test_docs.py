"""docs/python-client.md as a notebook: its cells run from top to bottom on the real stack, and print what it shows."""

import ast
import contextlib
import inspect
import io
from itertools import zip_longest
from typing import Any

import pytest

from tests.support.doc_blocks import blocks

pytestmark = pytest.mark.stack
EVERY = blocks("docs/python-client.md")
# A cell's output stands behind it; one that prints nothing has none.
CELLS = [
    (block.text, after.text if after and after.info == "text" else "")
    for block, after in zip_longest(EVERY, EVERY[1:])
    if block.info == "python"
]


@pytest.fixture
def names():
    """What the cells have named so far."""
    names: dict[str, Any] = {}
    yield names
    names["client"].close()


async def test_the_notebook_runs_and_prints_what_it_says(stack, tmp_path, monkeypatch, names):
    assert len(CELLS) > 8
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKTESTER_URL", stack.url)
    for number, (source, expected) in enumerate(CELLS):
        code = compile(source, f"cell {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            running = eval(code, names)
            if inspect.isawaitable(running):
                await running
        assert printed.getvalue() == expected, source
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 61
