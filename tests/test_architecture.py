"""ARCHITECTURE.md shows every module, and every file that it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
TREE = PAGE.partition("```text\n")[2].partition("```")[0]
# One file each, of a kind that the tree names as a whole.
WHOLE = ("strategies", "migrations")


@pytest.mark.parametrize("package", ["backtester", "batches"])
def test_the_tree_names_every_module(package):
    words = set(re.findall(r"\w+", TREE))
    modules = [
        path for path in (ROOT / package).rglob("*.py") if path.stem != "__init__" and path.parent.name not in WHOLE
    ]
    assert not [str(path.relative_to(ROOT)) for path in modules if path.stem not in words]


def test_the_tree_names_no_other_package():
    packages = {path.parent.name for name in ("backtester", "batches") for path in (ROOT / name).rglob("*.py")}
    assert set(re.findall(r"^ *(?:\w+/)*(\w+)/ ", TREE, re.MULTILINE)) <= packages


def test_the_walk_names_files_that_exist():
    for name in re.findall(r"`([\w/.-]+\.(?:py|js))`", PAGE):
        matches = list(ROOT.glob(name)) or [*ROOT.glob(f"batches/**/{name}"), *ROOT.glob(f"static/**/{name}")]
        assert matches, name
