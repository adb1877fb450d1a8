"""The synchronous client is what the generator makes of the asynchronous one."""

import pytest

from tests.client.generate import SYNCHRONOUS, generated


def test_the_synchronous_client_is_generated_from_the_asynchronous_one():
    files = {path: path.read_text(encoding="utf-8") for path in SYNCHRONOUS.glob("*.py")}
    assert files == generated(), "run: python -m tests.client.generate"


@pytest.mark.parametrize("word", ["async", "await", "Async"])
def test_nothing_asynchronous_is_left_in_the_generated_code(word):
    for path, text in generated().items():
        code = text.partition("\n")[2]
        assert word not in code, path
