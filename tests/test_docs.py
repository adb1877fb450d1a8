"""Every code block of README and docs/ runs as a test, or says here why not; every command they name is there."""

import re

import pytest
from django.core.management import get_commands

from tests.support.doc_blocks import PAGES, blocks
from tests.support.stack_process import ROOT

# Each of these tests takes all blocks of the kind, so one that is added runs, or fails because it is one too many.
RUN = {
    ("README.md", "bash"): "tests/stack/test_readme.py",
    ("README.md", "python"): "tests/stack/test_readme.py",
    ("docs/python-client.md", "python"): "tests/client/test_docs.py",
    ("docs/python-client.md", "text"): "tests/client/test_docs.py",
    ("docs/other-languages.md", "javascript node"): "tests/live/test_clients.py",
    ("docs/other-languages.md", "python httpx-sse"): "tests/live/test_clients.py",
    ("docs/other-languages.md", "python websockets"): "tests/live/test_clients.py",
    ("docs/other-languages.md", "sh curl"): "tests/live/test_clients.py",
    ("docs/deploy.md", "ini"): "tests/production/page.py",
    ("docs/deploy.md", "sh"): "tests/production/page.py",
    ("docs/accounts.md", "sh"): "tests/client/test_tokens.py",
    ("docs/prices.md", "csv"): "tests/batches/prices/test_price_formats.py",
    ("docs/scaling.md", "sh"): "tests/test_scaling.py",
    ("docs/scaling.md", "text"): "tests/test_scaling.py",
    ("docs/verdict.md", "json"): "tests/batches/verdict/test_docs.py",
    ("docs/verdict.md", "text"): "tests/batches/verdict/test_docs.py",
    ("docs/strategies.md", "python"): "tests/batches/sweep/test_user_strategies.py",
    ("docs/terminal.md", "sh"): "tests/terminal/test_docs.py",
}
NOT_RUN = {
    ("ARCHITECTURE.md", "text"): "the tree; tests/test_architecture.py holds it",
    ("README.md", "indented"): "`make run` is run by tests/stack/test_runstack.py, and `make test` runs this",
    ("docs/other-languages.md", "javascript browser"): "wants a page; our own feed, tested in browsers, does the same",
    ("docs/terminal.md", "text"): "how a panel looks at one moment; tests/terminal/test_panel.py holds its lines",
}
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def test_every_block_is_run_or_says_why_not():
    kinds = {(page, block.info) for page in NAMES for block in blocks(page)}
    assert kinds == RUN.keys() | NOT_RUN.keys()


@pytest.mark.parametrize(("page", "test"), sorted({(page, test) for (page, _), test in RUN.items()}))
def test_who_runs_a_page_reads_it(page, test):
    assert page in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", NAMES)
def test_every_command_that_a_page_names_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|^    |; |=\w+ )make ([a-z-]+)", text, re.MULTILINE)) <= set(targets.split())
    for path in re.findall(r"`((?:deploy|tests|\.ci)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or path == "deploy/secrets/", path
