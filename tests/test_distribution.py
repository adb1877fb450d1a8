"""How `make test` spreads the tests over processes."""

import pytest


def test_the_tests_of_a_file_run_in_one_process(request):
    """They share stacks and databases, which each process would otherwise start anew."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("The tests run in one process.")
    assert request.node.nodeid.endswith(f"@{request.path}")
