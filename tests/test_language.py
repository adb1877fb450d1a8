"""Code, pages and documentation avoid the words that CONTRIBUTING.md forbids."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIST = re.compile(r"`tests/test_language\.py`.*?```text\n(.*?)```", re.DOTALL)
BETWEEN = r"""(?:[\s#*/]|f?["'])+"""  # words of a phrase; it may be wrapped in a comment or in a literal
FILES = {"backtester": "*.py", "batches": "*.py", "templates": "*.html", "static": "*.js", "docs": "*.md"}


def forbidden() -> re.Pattern[str]:
    match = LIST.search((ROOT / "CONTRIBUTING.md").read_text())
    assert match, "CONTRIBUTING.md has no list of forbidden words"
    phrases = [BETWEEN.join(re.escape(word) for word in phrase.split()) for phrase in match[1].splitlines()]
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)


@pytest.mark.parametrize("text", ["a number is wanted.", "# to tell\n    # of it", 'is " f"wanted', "Whoever"])
def test_a_forbidden_phrase_is_recognized(text):
    assert forbidden().search(text)


@pytest.mark.parametrize("folder", FILES)
def test_no_text_has_a_forbidden_phrase(folder):
    pattern = forbidden()
    hits = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path in sorted((ROOT / folder).rglob(FILES[folder]))
        for text in [path.read_text()]
        for match in pattern.finditer(text)
    ]
    assert not hits, "\n".join(hits)
