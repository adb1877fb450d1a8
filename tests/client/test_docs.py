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
BLOCKS = blocks("docs/python-client.md")
# The output of a cell is the text block after it, if there is one.
CELLS = [
    (block.text, after.text if after and after.info == "text" else "")
    for block, after in zip_longest(BLOCKS, BLOCKS[1:])
    if block.info == "python"
]


@pytest.fixture
def names():
    """The global names of the cells."""
    names: dict[str, Any] = {}
    yield names
    names["client"].close()


@pytest.mark.extended
async def test_the_cells_print_the_output_on_the_page(stack, tmp_path, monkeypatch, names):
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
