"""Every promise of docs/promises.md names a test that exists.

The page writes a test as `test_file.py::test_name`; a long name may end in an ellipsis, and must still mean one test.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = (TESTS.parent / "docs" / "promises.md").read_text()
NAMED = re.compile(r"`(?:tests/)?((?:[\w/]+/)?(?:test_\w+\.py|[\w-]+\.test\.mjs))(?:::(\w+)(…?))?`")


def named_tests(text):
    """(file, its tests that are meant) of each name in a text; all of a file when it is named alone."""
    for path, name, ellipsis in NAMED.findall(text):
        (file,) = TESTS.rglob(path)
        tests = re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
        yield path, [test for test in tests if (test.startswith(name) if ellipsis or not name else test == name)]


def test_each_name_on_the_page_means_one_test():
    assert "`test_" not in NAMED.sub("", PAGE), "a test that is named in some other way"
    for name in re.findall(r"`[^`]+`", PAGE):
        for path, tests in named_tests(name):
            assert len(tests) == 1 or "::" not in name, f"{path}: {name} means {tests}"


@pytest.mark.parametrize(
    ("heading", "count"),
    [("Batches and results", 13), ("Faults", 24), ("Live updates", 12), ("Security", 28), ("Accounts", 11)],
)
def test_each_promise_names_a_test(heading, count):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"^\|.*\| tests? \|\n\|[-|]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) >= count
    for row in rows:
        assert any("::" in name for name in re.findall(r"`[^`]+`", row) if list(named_tests(name))), row


@pytest.mark.parametrize("page", ["reliability.md", "live.md", "security.md", "accounts.md"])
def test_promises_stand_on_one_page_only(page):
    text = (TESTS.parent / "docs" / page).read_text()
    assert not NAMED.search(text)
    assert "promises.md" in text
