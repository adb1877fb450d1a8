"""The limits of connections follow the limit of the system."""

import pytest

from batches.ops import descriptors
from batches.ops.descriptors import max_connections, max_streams


@pytest.fixture
def limited_to(monkeypatch):
    """limited_to(number): what the system allows this process."""
    return lambda soft: monkeypatch.setattr(descriptors.resource, "getrlimit", lambda _: (soft, soft))


@pytest.mark.parametrize(("soft", "connections"), [(256, 128), (1_024, 512), (20_000, 18_976)])
def test_some_descriptors_are_left_for_the_database(limited_to, soft, connections):
    limited_to(soft)
    assert max_connections() == connections


def test_streams_leave_connections_for_other_requests_and_the_setting_limits_them_too(limited_to, settings):
    settings.STREAMS_MAX = 10_000
    limited_to(256)
    assert max_streams() == (96, "RLIMIT_NOFILE")
    limited_to(20_000)
    assert max_streams() == (10_000, "STREAMS_MAX")
