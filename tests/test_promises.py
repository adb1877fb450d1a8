"""Every test that a page of promises names is there, and every promise names one.

A page writes a test as `test_file.py::test_name`; a long name may end in an ellipsis, and must still mean one test.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
DOCS = TESTS.parent / "docs"
NAMED = re.compile(r"`(?:tests/)?((?:[\w/]+/)?(?:test_\w+\.py|[\w-]+\.test\.mjs))(?:::(\w+)(…?))?`")


def named_in(text):
    """(file, the tests in it that are meant) of each name in a text; all of a file when it is named alone."""
    for path, name, open_end in NAMED.findall(text):
        (file,) = TESTS.rglob(path)
        there = re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
        yield path, [one for one in there if (one.startswith(name) if open_end or not name else one == name)]


@pytest.mark.parametrize("document", ["reliability.md", "live.md", "security.md"])
def test_each_test_that_a_page_names_is_there_and_is_one(document):
    text = (DOCS / document).read_text()
    assert "`test_" not in NAMED.sub("", text), "a test that is named in some other way"
    for named in re.findall(r"`[^`]+`", text):
        for path, meant in named_in(named):
            assert len(meant) == 1 or "::" not in named, f"{path}: {named} means {meant}"


@pytest.mark.parametrize(("document", "promises"), [("reliability.md", 30), ("live.md", 9), ("security.md", 28)])
def test_each_promise_of_a_page_names_a_test(document, promises):
    tables = re.findall(r"^\|.*\| tests? \|\n\|[-|]+\|\n((?:\|.*\n)+)", (DOCS / document).read_text(), re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) >= promises
    for row in rows:
        assert any("::" in named for named in re.findall(r"`[^`]+`", row) if list(named_in(named))), row
